package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// The values of [Switches].
const (
	StateLast  = "state_last"  // Order: access_token, expires, state
	StateFirst = "state_first" // Order: state, access_token, expires

	DeliveryRedirect = "redirect" // Delivery: 302
	DeliveryScript   = "script"   // Delivery: a page whose script goes on

	DecisionAsk     = "ask"     // Decision: the consent page
	DecisionApprove = "approve" // Decision: yes, without a page
	DecisionDeny    = "deny"    // Decision: no, without a page
)

// Switches choose between things that Stack Exchange has been seen to do. An
// authorization request overrides them by query parameters.
type Switches struct {
	// Order is StateLast or StateFirst: where state stands in the response.
	// sandbox_order.
	Order string
	// Delivery is DeliveryRedirect or DeliveryScript: how the browser is sent
	// to the redirect URI. sandbox_delivery.
	Delivery string
	// StripQuery loses the redirect URI's own query. sandbox_strip_query, 0
	// or 1.
	StripQuery bool
	// Decision is DecisionAsk, DecisionApprove or DecisionDeny: whether there
	// is a consent page, or a silent re-authorization. sandbox_decision.
	Decision string
}

const switchPrefix = "sandbox_"

// switchParam ties a query parameter to its field.
type switchParam struct {
	Name    string
	Allowed []string // the first is what the zero Switches mean
	About   string
	set     func(*Switches, string)
	get     func(Switches) string
}

var switchParams = []switchParam{
	{
		"sandbox_order", []string{StateLast, StateFirst}, "where state stands in the response",
		func(s *Switches, v string) { s.Order = v }, func(s Switches) string { return s.Order },
	},
	{
		"sandbox_delivery", []string{DeliveryRedirect, DeliveryScript}, "a 302, or a page whose script goes to the redirect URI",
		func(s *Switches, v string) { s.Delivery = v }, func(s Switches) string { return s.Delivery },
	},
	{
		"sandbox_strip_query", []string{"0", "1"}, "1 loses the redirect URI’s own query",
		func(s *Switches, v string) { s.StripQuery = v == "1" },
		func(s Switches) string {
			if s.StripQuery {
				return "1"
			}
			return "0"
		},
	},
	{
		"sandbox_decision", []string{DecisionAsk, DecisionApprove, DecisionDeny}, "a consent page, or a decision without one (silent re-authorization)",
		func(s *Switches, v string) { s.Decision = v }, func(s Switches) string { return s.Decision },
	},
}

// override returns s with what p asks for.
func (s Switches) override(p params) (Switches, error) {
	for name, value := range p {
		if !strings.HasPrefix(name, switchPrefix) {
			continue
		}
		i := slices.IndexFunc(switchParams, func(sp switchParam) bool { return sp.Name == name })
		if i < 0 {
			return s, fmt.Errorf("there is no such switch; there are %s", switchNames())
		}
		if allowed := switchParams[i].Allowed; !slices.Contains(allowed, value) {
			return s, fmt.Errorf("%s must be one of: %s", name, strings.Join(allowed, ", "))
		}
		switchParams[i].set(&s, value)
	}
	return s, nil
}

func switchNames() string {
	var all []string
	for _, sp := range switchParams {
		all = append(all, sp.Name)
	}
	return strings.Join(all, ", ")
}

// fields are the switches as the hidden fields of the consent page, which
// itself is where the decision is made.
func (s Switches) fields() []field {
	var all []field
	for _, sp := range switchParams {
		if value := sp.get(s); sp.Name != "sandbox_decision" && slices.Contains(sp.Allowed, value) {
			all = append(all, field{sp.Name, value})
		}
	}
	return all
}
