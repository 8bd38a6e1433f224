package oauth

import (
	"context"
	"slices"
	"time"

	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// Answer is what Stack Exchange sends the browser back with: a code, or an
// error (RFC 6749 section 4.1.2).
type Answer struct {
	Code               string
	Error, Description string
}

// Outcome is what the browser sees at the end of its part.
type Outcome struct {
	Redirect string // where to send it; "" for a device
	Approved bool   // for a device: the user may go back to it
}

// Callback ends the browser's part of a sign-in, and does so again when the
// browser comes back: its first answer may have been lost, or the user has
// clicked twice. Errors are [ErrUnknown], [ErrWrongBrowser], which change
// nothing, and the store's.
func (s *Service) Callback(ctx context.Context, state string, answer Answer, browser Browser) (Outcome, error) {
	for range maxAttempts {
		rec, ok, err := s.session(ctx, state)
		switch {
		case err != nil || !ok:
			return Outcome{}, orUnknown(err)
		case !rec.value.startedBy(browser(flowOf(state))):
			return Outcome{}, ErrWrongBrowser
		}
		next, changed := rec.value.after(answer)
		if !changed {
			return s.outcome(next, answer)
		}
		done, err := s.conclude(ctx, rec, next)
		if err != nil {
			return Outcome{}, err
		}
		if done {
			return s.outcome(next, answer)
		}
	}
	return Outcome{}, errContended
}

func orUnknown(err error) error {
	if err != nil {
		return err
	}
	return ErrUnknown
}

// after returns the session after an answer, and whether that is a change. A
// code takes the place of an earlier one until the app redeems that, and an
// error after a code changes nothing. A code may follow an error, except for a
// device: that may have been told.
func (s session) after(answer Answer) (next session, changed bool) {
	switch s.Status {
	case pending:
	case denied:
		if answer.Code == "" || s.device() {
			return s, false
		}
	case approved:
		if answer.Code == "" || answer.Code == s.Code {
			return s, false
		}
	default:
		return s, false
	}
	if answer.Code == "" {
		s.Status = denied
		return s, true
	}
	s.Status, s.Code, s.Approved, s.Unanswered = approved, answer.Code, time.Now(), false
	return s, true
}

// outcome is what the browser sees after answer has been dealt with.
func (s *Service) outcome(sess session, answer Answer) (Outcome, error) {
	switch {
	case !sess.device():
		redirect, err := s.toApp(sess, answer)
		return Outcome{Redirect: redirect}, err
	case sess.Status == spent, sess.Status == revoked, sess.Status == denied && answer.Code != "":
		return Outcome{}, ErrUnknown
	}
	return Outcome{Approved: sess.Status != denied}, nil
}

// conclude keeps what has become of a session, and forgets the user code. It
// reports false when somebody else has changed the session.
func (s *Service) conclude(ctx context.Context, rec record[session], next session) (bool, error) {
	before := rec.value.Status
	if before != approved && next.Status == approved && !next.device() {
		// However late the user was, the app has time to redeem its code.
		if redeemable := next.Approved.Add(lateTime); redeemable.After(rec.expires) {
			rec.expires = redeemable
		}
	}
	// Stack Exchange's codes fit; whoever brings a longer one pays for it.
	if more := size(next) - size(rec.value); more > 0 {
		if err := s.admit(ctx, 0, more); err != nil {
			return false, err
		}
	}
	replaced, err := rec.replace(ctx, s.store, next)
	if err != nil || !replaced {
		return false, err
	}
	if before != next.Status {
		s.tell(ctx, next, next.step())
	}
	if !next.device() {
		return true, nil
	}
	return true, s.forgetUserCode(ctx, next)
}

func (s *Service) forgetUserCode(ctx context.Context, sess session) error {
	at, err := sealed.NewSlot(underUserCode, secret.New(string(sess.UserCode)))
	if err != nil {
		return err
	}
	_, _, err = s.store.Take(ctx, at.ID)
	return err
}

// step is what the last answer has led to.
func (s session) step() Step {
	if s.Status == denied {
		return Declined
	}
	return Approved
}

// errorNames are those that RFC 6749 section 4.1.2.1 lets go to an app.
var errorNames = []string{
	"invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope",
	"server_error", "temporarily_unavailable",
}

func (a Answer) errorName() string {
	if slices.Contains(errorNames, a.Error) {
		return a.Error
	}
	return "server_error"
}

// reason is the description as it may go on: tidied and cut.
func (a Answer) reason() string {
	if description := relay.NewRefusal(a.Error, a.Description).Description; description != "" {
		return description
	}
	return "the user or Stack Exchange refused access"
}
