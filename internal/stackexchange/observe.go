package stackexchange

import (
	"encoding/json"
	"errors"
	"time"
)

// Call is one call to Stack Exchange, for logs and metrics. It holds nothing of
// the request and, except for the quota, nothing of the answer.
type Call struct {
	Method  Method
	Outcome CallOutcome
	Took    time.Duration // with the wait for its turn
	// Quota is that of the API's answer; nil if it has none.
	Quota *Quota
}

// Quota is how many requests the API still allows today, and of how many.
type Quota struct{ Remaining, Max int64 }

// Method is a kind of call.
type Method string

// The methods.
const (
	MethodRedeem     Method = "redeem"
	MethodInspect    Method = "inspect"
	MethodInvalidate Method = "invalidate"
)

// CallOutcome says how a call went.
type CallOutcome string

// The outcomes.
const (
	CallOK          CallOutcome = "ok"
	CallRefused     CallOutcome = "refused"     // by Stack Exchange
	CallPaused      CallOutcome = "paused"      // not made, because Stack Exchange had asked for a pause
	CallThrottled   CallOutcome = "throttled"   // not made, because too many wait, or Allow refused it in its turn
	CallUnavailable CallOutcome = "unavailable" // no usable answer, or none in time
)

// observed reports a call that began at started.
func (c *Client) observed(method Method, started time.Time, a answer, err error) {
	c.config.Observe(Call{method, outcomeOf(err), time.Since(started), a.quota()})
}

func (a answer) quota() *Quota {
	var q Quota
	for name, value := range map[string]*int64{"quota_remaining": &q.Remaining, "quota_max": &q.Max} {
		if a.fields[name] == nil || json.Unmarshal(a.fields[name], value) != nil {
			return nil
		}
	}
	q.Remaining = max(0, q.Remaining) // -1 has been seen
	return &q
}

func outcomeOf(err error) CallOutcome {
	if err == nil {
		return CallOK
	}
	if isRefused(err) {
		return CallRefused
	}
	if _, paused := errors.AsType[*PausedError](err); paused {
		return CallPaused
	}
	if errors.Is(err, errBusy) || !errors.Is(err, ErrUnavailable) {
		return CallThrottled
	}
	return CallUnavailable
}

// Paused is how much longer Stack Exchange wants no calls of a method; 0 if it
// takes them.
func (c *Client) Paused(m Method) time.Duration { return c.pauses[m].left() }
