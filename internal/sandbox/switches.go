package sandbox

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

const switchPrefix = "sandbox_"

// switchParam chooses between things that Stack Exchange has been seen to do: by
// the query of one request, or on a page for all requests.
type switchParam struct {
	Name    string
	Allowed []string // the first is the usual one
	Nasty   string   // what tests choose, if not the usual one
	About   string
}

// The switches.
const (
	switchDecision    = "sandbox_decision"
	switchOrder       = "sandbox_order"
	switchDelivery    = "sandbox_delivery"
	switchStripQuery  = "sandbox_strip_query"
	switchParentheses = "sandbox_parentheses"
	switchScope       = "sandbox_scope"
	switchExpires     = "sandbox_expires"
	switchTokenErrors = "sandbox_token_errors"
	switchDeadTokens  = "sandbox_dead_tokens"
	switchQuota       = "sandbox_quota"
	switchBackoff     = "sandbox_backoff"
	switchThrottle    = "sandbox_throttle"
)

var switchParams = []switchParam{
	{
		Name: switchDecision, Allowed: []string{"ask", "once", "approve", "deny"},
		About: "a consent page each time; only until the user has approved the app, as Stack Exchange does; " +
			"or a decision without one",
	},
	{
		Name: switchOrder, Allowed: []string{"state_last", "state_first", "shuffled"}, Nasty: "shuffled",
		About: "the order of the members of an authorization response",
	},
	{
		Name: switchDelivery, Allowed: []string{"redirect", "script"},
		About: "a 302, or a page whose script goes to the redirect URI",
	},
	{Name: switchStripQuery, Allowed: []string{"0", "1"}, About: "1 loses the redirect URI’s own query"},
	{
		Name: switchParentheses, Allowed: []string{"raw", "escaped"}, Nasty: "escaped",
		About: "how codes and tokens end in a redirect: )) or %29%29",
	},
	{
		Name: switchScope, Allowed: []string{"1", "0"},
		About: "0 leaves the scope out of the fragment, as before August 2023",
	},
	{
		Name: switchExpires, Allowed: []string{"86400", "86399"}, Nasty: "86399",
		About: "the seconds that a new token lives",
	},
	{
		Name: switchTokenErrors, Allowed: []string{"as_seen", "nested", "numbered", "flat"},
		About: "the form of the token endpoint’s errors: for each what has been seen, or one for all",
	},
	{
		Name: switchDeadTokens, Allowed: []string{"402", "403"}, Nasty: "403",
		About: "the error_id for a token that is not valid any more",
	},
	{
		Name: switchQuota, Allowed: []string{"counted", "minus_one"}, Nasty: "minus_one",
		About: "quota_remaining counts down, or is −1 of 300",
	},
	{Name: switchBackoff, Allowed: []string{"0", "10"}, About: "the seconds of backoff in the API’s answers"},
	{
		Name: switchThrottle, Allowed: []string{"off", "json", "json_bare", "html_403", "html_429"},
		About: "the API refuses: with error 502 and a number of seconds, without one, " +
			"or, as the token endpoint does then too, with an HTML page",
	},
}

// options are the values of all switches for one request.
type options map[string]string

// switches are the values for requests that don't choose.
type switches struct {
	mu  sync.Mutex
	set options
}

func newSwitches(nasty bool) *switches {
	set := options{}
	for _, one := range switchParams {
		set[one.Name] = one.Allowed[0]
		if nasty && one.Nasty != "" {
			set[one.Name] = one.Nasty
		}
	}
	return &switches{set: set}
}

// of returns the options of a request with these parameters.
func (s *switches) of(p params) (options, error) {
	s.mu.Lock()
	chosen := maps.Clone(s.set)
	s.mu.Unlock()
	for name, value := range p {
		if !strings.HasPrefix(name, switchPrefix) {
			continue
		}
		i := slices.IndexFunc(switchParams, func(s switchParam) bool { return s.Name == name })
		if i < 0 {
			return nil, errors.New("there is no such switch; /sandbox/switches lists them")
		}
		if allowed := switchParams[i].Allowed; !slices.Contains(allowed, value) {
			return nil, fmt.Errorf("%s must be one of: %s", name, strings.Join(allowed, ", "))
		}
		chosen[name] = value
	}
	return chosen, nil
}

// change makes what p chooses usual.
func (s *switches) change(p params) error {
	chosen, err := s.of(p)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set = chosen
	return nil
}

// choice is a switch on the page.
type choice struct {
	switchParam
	Now string
}

// switchPage shows the switches and takes changes of them.
func (s *Sandbox) switchPage(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		s.submit(w, r, "/sandbox/switches", s.switches.change)
		return
	}
	chosen, _ := s.switches.of(nil)
	choices := make([]choice, len(switchParams))
	for i, one := range switchParams {
		choices[i] = choice{one, chosen[one.Name]}
	}
	writePage(w, http.StatusOK, "switches.html", authorPage("How the sandbox behaves", choices))
}
