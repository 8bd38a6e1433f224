package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const switchPrefix = "sandbox_"

// switchParam is a parameter of an authorization request that chooses between
// things that Stack Exchange has been seen to do.
type switchParam struct {
	Name    string
	Allowed []string // the first is the default
	About   string
}

var switchParams = []switchParam{
	{"sandbox_order", []string{"state_last", "state_first"}, "where state is in the response"},
	{
		"sandbox_delivery", []string{"redirect", "script"},
		"a 302, or a page whose script goes to the redirect URI",
	},
	{"sandbox_strip_query", []string{"0", "1"}, "1 loses the redirect URI’s own query"},
	{
		"sandbox_decision", []string{"ask", "approve", "deny"},
		"a consent page, or a decision without one (silent re-authorization)",
	},
}

func checkSwitches(p params) error {
	for name, value := range p {
		if !strings.HasPrefix(name, switchPrefix) {
			continue
		}
		i := slices.IndexFunc(switchParams, func(s switchParam) bool { return s.Name == name })
		if i < 0 {
			return errors.New("there is no such switch; /sandbox/ lists them")
		}
		if allowed := switchParams[i].Allowed; !slices.Contains(allowed, value) {
			return fmt.Errorf("%s must be one of: %s", name, strings.Join(allowed, ", "))
		}
	}
	return nil
}
