package relay

import (
	"context"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// Outcome says what became of a deposit.
type Outcome string

// The outcomes.
const (
	Created    Outcome = "created"    // nothing was there
	Repeated   Outcome = "repeated"   // the same response was there already
	Replaced   Outcome = "replaced"   // the same browser's earlier response is gone
	Conflicted Outcome = "conflicted" // somebody else's response was there
	TooLate    Outcome = "too_late"   // the holder of the verifier has had its response
)

// Deposited is what became of a deposit.
type Deposited struct {
	Outcome Outcome
	// Receipt is for [Relay.Follow]; "" if the browser has no session, or the entry is
	// not its own.
	Receipt string
}

// Deposit stores response under key. browser is the session of the browser it
// comes from; zero where there is none.
//
// Three rules decide when there is a response under the key already: the same
// one changes nothing; another one from the same browser replaces it; another
// one from elsewhere puts the key in conflict, because one of the two belongs to
// somebody else. After a claim under a bound key a deposit changes nothing, so
// that the claim can be repeated. The outcome says which rule it was.
//
// Errors are [sealed.ErrFull] when the store has no room, and the other errors of
// package sealed.
func (r *Relay) Deposit(
	ctx context.Context, space KeySpace, key Key, response Response, browser secret.Text,
) (Deposited, error) {
	at := slot(space, key)
	e, expires := entry{response: response, browser: hashBrowser(browser)}, time.Now().Add(r.ttl)
	outcome, own, err := put(ctx, r.entries, at, e, expires, entry.merge)
	if err != nil || !own {
		return Deposited{Outcome: outcome}, err
	}
	receipt, err := at.Receipt(r.holder(browser), expires)
	return Deposited{outcome, receipt}, err
}

// put stores e where nothing is, and otherwise what merge makes of the two. The
// result lives as long as the one that ends later; own reports whether it is from the
// browser of e. The deadline is for those who change the entry again and again; the
// first try, which the store bounds itself, does without, since a timer costs a
// twentieth of a deposit.
func put(
	ctx context.Context, entries sealed.Records[entry], at *sealed.Slot, e entry, expires time.Time,
	merge func(there, e entry) (entry, Outcome),
) (outcome Outcome, own bool, err error) {
	if created, err := entries.Create(ctx, at, e, expires); err != nil || created {
		return Created, e.from(e.browser), err
	}
	ctx, cancel := context.WithTimeout(ctx, api.AnswerTime)
	defer cancel()
	rec, err := entries.Update(ctx, at, func(rec *sealed.Record[entry]) error {
		if !rec.Found {
			rec.Value, rec.Expires, outcome = e, expires, Created
			return nil
		}
		there := rec.Value
		if rec.Value, outcome = merge(there, e); rec.Value.response.same(there.response) {
			return sealed.ErrUnchanged
		}
		if expires.After(rec.Expires) {
			rec.Expires = expires
		}
		return nil
	})
	return outcome, rec.Value.from(e.browser), err
}

// merge returns what becomes of there and a later e: one of them, or a conflict.
func (there entry) merge(e entry) (entry, Outcome) {
	switch {
	case !there.claimed.IsZero():
		return there, TooLate
	case there.response.Kind == KindConflict:
		return there, Conflicted
	case there.response.same(e.response):
		return there, Repeated
	case there.from(e.browser):
		return e, Replaced
	}
	return entry{response: Response{Kind: KindConflict}, browser: there.browser}, Conflicted
}
