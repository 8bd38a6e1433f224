package relay

import (
	"context"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// Progress says how far a deposit has come.
type Progress string

// The steps. Nothing is written when an app claims, so a deposit that is gone before
// its time has been claimed.
const (
	Waiting   Progress = "waiting"   // the app has not claimed it yet
	PickedUp  Progress = "claimed"   // the app has it
	Refused   Progress = "refused"   // a refusal of the same browser has replaced it
	Contended Progress = "contended" // somebody else's response came under the same key
	Expired   Progress = "expired"   // nobody claimed it in time, as far as is known
)

// Followed is what a receipt tells.
type Followed struct {
	Space    KeySpace
	Progress Progress
	// Deposited and Expires are when that was and when it ends.
	Deposited, Expires time.Time
}

// Follow returns how far the deposit of a receipt has come. It changes nothing. A
// browser that has made up a receipt for somebody else's key learns nothing: what is
// not its own looks like nothing.
//
// Errors are [ErrReceipt], unless the browser has got this receipt, and those of
// package sealed.
func (r *Relay) Follow(ctx context.Context, receipt string, browser secret.Text) (Followed, error) {
	if browser.IsZero() {
		return Followed{}, ErrReceipt
	}
	at, purpose, expires, err := sealed.OpenReceipt(r.holder(browser), receipt)
	space, ok := strings.CutPrefix(purpose, purposeOf)
	if err != nil || !ok {
		return Followed{}, ErrReceipt
	}
	rec, err := r.entries.Load(ctx, at)
	if err != nil {
		return Followed{}, err
	}
	f := Followed{Space: KeySpace(space), Expires: expires}
	own := rec.Found && rec.Value.from(hashBrowser(browser))
	if own && rec.Value.claimed.IsZero() {
		f.Expires = rec.Expires // a later response may have prolonged it
	}
	f.Deposited = f.Expires.Add(-r.ttl)
	f.Progress = progress(rec.Value, own, expires)
	return f, nil
}

// progress returns how far an entry has come that was to expire at a time.
func progress(e entry, own bool, expires time.Time) Progress {
	switch {
	case own && e.response.Kind == KindConflict:
		return Contended
	case own && e.response.Kind == KindRefusal:
		return Refused
	case own && e.claimed.IsZero():
		return Waiting
	case own, time.Now().Before(expires):
		return PickedUp
	}
	return Expired
}

// holder returns what seals the receipts of a browser.
func (r *Relay) holder(browser secret.Text) *sealed.Holder {
	return sealed.NewHolder(r.receipts, browser)
}
