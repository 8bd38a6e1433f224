package oauth

import (
	"context"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// Progress says how far a sign-in has come after its user has approved: of a device,
// or of an app whose user is asked before the code goes to it.
type Progress string

// The steps.
const (
	Waiting  Progress = "waiting"  // the app has not fetched its token yet
	PickedUp Progress = "claimed"  // it has
	Unused   Progress = "unused"   // the user or the device stopped it, and nobody used the code
	Undone   Progress = "ended"    // the user stopped it, and what the code had given access to has ended
	Unended  Progress = "unended"  // the same, but that may not have ended
	NotTaken Progress = "rejected" // Stack Exchange did not take its own code
	Expired  Progress = "expired"  // it is over, and the device did not fetch its token, as far as is known
)

// Followed is what a receipt tells.
type Followed struct {
	ClientID          string
	Progress          Progress
	Approved, Expires time.Time
}

// underReceipt is the purpose of the holders of receipts, under the secret of
// the browser.
const underReceipt = "grant receipt"

// receiptFor returns a receipt of the sign-in at a slot, for its browser.
func receiptFor(owner secret.Text, at *sealed.Slot, flow string, expires time.Time) (string, error) {
	receipt, err := at.Receipt(sealed.NewHolder(underReceipt, owner), expires)
	return flow + "." + receipt, err
}

// openReceipt returns the slot of the sign-in of a receipt, its browser, and when it
// expires. The error is [ErrWrongBrowser].
func openReceipt(receipt string, browser Browser) (at *sealed.Slot, owner secret.Text, expires time.Time, err error) {
	flow, rest, _ := strings.Cut(receipt, ".")
	if owner = browser(flow); owner.IsZero() {
		return nil, owner, expires, ErrWrongBrowser
	}
	at, purpose, expires, err := sealed.OpenReceipt(sealed.NewHolder(underReceipt, owner), rest)
	if err != nil || purpose != underState {
		return nil, owner, expires, ErrWrongBrowser
	}
	return at, owner, expires, nil
}

// Follow returns how far the sign-in of a receipt has come. It changes nothing. A
// sign-in that another browser has started looks like none. Errors are
// [ErrWrongBrowser], unless the browser has got this receipt, and those of package
// sealed.
func (s *Service) Follow(ctx context.Context, receipt string, browser Browser) (Followed, error) {
	at, owner, expires, err := openReceipt(receipt, browser)
	if err != nil {
		return Followed{}, err
	}
	rec, err := s.sessions.Load(ctx, at)
	if err != nil {
		return Followed{}, err
	}
	if !rec.Found || !rec.Value.startedBy(owner) {
		return Followed{Progress: Expired, Expires: expires}, nil
	}
	return Followed{rec.Value.ClientID, rec.Value.progress(), rec.Value.Approved, rec.Expires}, nil
}

func (s session) progress() Progress {
	switch s.Status {
	case redeemed:
		return PickedUp
	case spent:
		return NotTaken
	case denied, revoked:
		return Unused
	case undone:
		return Undone
	case stopping, unended:
		return Unended
	}
	return Waiting
}

// stopTime bounds how long [Service.Stop] waits for the end of a redemption.
const stopTime = api.AnswerTime - time.Second

// Stop ends the sign-in of a receipt: a device gets [ErrDenied], and the code of
// another app is not valid. If its code is
// being redeemed, the token is ended instead of handed over, and Stop waits for that.
// It returns how the sign-in has ended, which is PickedUp if the device was faster.
// Errors are [ErrWrongBrowser], [ErrUnknown] and those of package sealed.
func (s *Service) Stop(ctx context.Context, receipt string, browser Browser) (Progress, error) {
	at, owner, _, err := openReceipt(receipt, browser)
	if err != nil {
		return "", err
	}
	// The browser may leave; a token must not stay.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	changed, err := s.vault.Watch(ctx, at)
	if err != nil {
		return "", err
	}
	rec, err := s.stop(ctx, at, owner)
	if err != nil || rec.Value.Status != stopping {
		return rec.Value.progress(), err
	}
	for rec.Found && rec.Value.Status == stopping {
		select {
		case <-changed:
		case <-time.After(time.Second): // no notification is needed
		case <-ctx.Done():
			return Unended, nil
		}
		if rec, err = s.sessions.Load(ctx, at); err != nil {
			return Unended, nil
		}
	}
	return rec.Value.progress(), nil
}

// withoutToken is the status of a session that is stopped while nobody is known to
// have a token. There may be one if an answer was lost.
func (s session) withoutToken() status {
	switch {
	case s.Unanswered:
		return unended
	case s.device():
		return denied
	}
	return revoked // which no other code can follow
}

// stop records that the user wants no sign-in any more.
func (s *Service) stop(ctx context.Context, at *sealed.Slot, owner secret.Text) (*record, error) {
	stopped := false
	rec, err := s.sessions.Update(ctx, at, func(rec *record) error {
		stopped = false
		if !rec.Found || !rec.Value.startedBy(owner) {
			return ErrUnknown
		}
		switch rec.Value.Status {
		case pending, approved:
			rec.Value = rec.Value.ended(rec.Value.withoutToken())
		case redeeming:
			rec.Value = rec.Value.ended(stopping)
		default:
			return sealed.ErrUnchanged
		}
		stopped = true
		return nil
	})
	if err == nil && stopped {
		s.observe(ctx, rec.Value.grant(), rec.Value.Challenge, Declined)
	}
	return rec, err
}

// undo ends a token, if there is one, whose user has stopped the sign-in while it
// was fetched, and reports whether that was so. after is how the redemption went.
func (s *Service) undo(ctx context.Context, at *sealed.Slot, after session, token secret.Text) bool {
	rec, err := s.sessions.Load(ctx, at)
	if err != nil || !rec.Found || rec.Value.Status != stopping {
		return false
	}
	rec.Value.Status = after.withoutToken()
	if after.Status == redeemed {
		rec.Value.Status = unended
		if _, err := s.upstream.Invalidate(ctx, token); err == nil && stackexchange.IsToken(token.Reveal()) {
			rec.Value.Status = undone
		}
	}
	// If this fails, Stop says that the token may still be valid.
	_, _ = s.sessions.Replace(ctx, rec)
	return true
}
