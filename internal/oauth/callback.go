package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// Answer is the authorization response of Stack Exchange: a code or an error
// (RFC 6749 section 4.1.2).
type Answer struct {
	Code               string
	Error, Description string
}

// Outcome is what the browser sees at the end of its part.
type Outcome struct {
	Redirect string // where to send it; "" for a device
	Asks     bool   // the user decides whether the app gets the code; see [Service.FindDelivery]
	Approved bool   // for a device: the user may go back to it
	Receipt  string // with Asks or Approved, and with an error of Permit, to find the sign-in by
	Trial    string // the flow of a trial, which has a report
}

// Callback ends the browser's part of a sign-in. It can be repeated: an answer may
// have been lost, or the user has clicked twice. Errors are [ErrUnknown] and
// [ErrWrongBrowser], which change nothing, and those of Permit and package sealed.
func (s *Service) Callback(ctx context.Context, state string, answer Answer, browser Browser) (Outcome, error) {
	if strings.HasPrefix(state, trialPrefix) {
		return s.finishTrial(ctx, state, answer, browser)
	}
	at := atState(state)
	owner := browser(flowOf(state))
	var outcome Outcome
	var refused error
	rec, err := s.conclude(ctx, at, answer, func(rec *record) error {
		if !rec.Value.startedBy(owner) {
			return ErrWrongBrowser
		}
		refused = s.permit(ctx, rec.Value.ClientID, rec.Value.grant(), "")
		return refused
	})
	if err == nil {
		outcome, err = s.outcome(rec.Value, answer)
	}
	if outcome.Asks || outcome.Approved || refused != nil {
		receipt, receiptErr := receiptFor(owner, at, flowOf(state), rec.Expires)
		outcome.Receipt, err = receipt, errors.Join(err, receiptErr)
	}
	return outcome, err
}

// after returns the session after an answer, and whether it has changed. A code
// replaces an earlier one until the app redeems it. An error after a code changes
// nothing. A code may follow an error, except for a device, which may know of the
// error already.
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

// outcome returns what the browser sees after an answer.
func (s *Service) outcome(sess session, answer Answer) (Outcome, error) {
	switch {
	case !sess.device() && sess.Status != denied && s.isTarget(sess.ClientID, sess.RedirectURI):
		return Outcome{Asks: true}, nil
	case !sess.device():
		redirect, err := s.toApp(sess, answer)
		return Outcome{Redirect: redirect}, err
	case sess.Status == spent, sess.Status == revoked, sess.Status == denied && answer.Code != "":
		return Outcome{}, ErrUnknown
	}
	return Outcome{Approved: sess.Status != denied}, nil
}

// conclude stores what becomes of a session after an answer, if check does not
// refuse it, and forgets the user code. It returns the record as it is then.
func (s *Service) conclude(
	ctx context.Context, at *sealed.Slot, answer Answer, check func(*record) error,
) (*record, error) {
	var before session
	changed := false
	rec, err := s.sessions.Update(ctx, at, func(rec *record) error {
		if !rec.Found {
			return ErrUnknown
		}
		if err := check(rec); err != nil {
			return err
		}
		before = rec.Value
		if rec.Value, changed = before.after(answer); !changed {
			return sealed.ErrUnchanged
		}
		return s.prolong(ctx, rec, before)
	})
	if err != nil || !changed {
		return rec, err
	}
	if before.Status != rec.Value.Status {
		s.observe(ctx, rec.Value.grant(), rec.Value.Challenge, rec.Value.step())
	}
	return rec, s.forgetUserCode(ctx, rec.Value)
}

// prolong gives an app time to redeem its code, however late the user was, and
// has a client pay for a session that becomes longer: Stack Exchange's own codes
// fit in.
func (s *Service) prolong(ctx context.Context, rec *record, before session) error {
	sess := rec.Value
	if before.Status != approved && sess.Status == approved && !sess.device() {
		if redeemable := sess.Approved.Add(lateTime); redeemable.After(rec.Expires) {
			rec.Expires = redeemable
		}
	}
	if more := s.sessions.Size(sess) - s.sessions.Size(before); more > 0 {
		return s.allow(ctx, 0, more)
	}
	return nil
}

// forgetUserCode removes the user code of a device's session.
func (s *Service) forgetUserCode(ctx context.Context, sess session) error {
	if !sess.device() {
		return nil
	}
	at := atUserCode(sess.UserCode)
	return s.vault.Remove(ctx, at)
}

// step returns what the last answer has led to.
func (s session) step() Step {
	if s.Status == denied {
		return Declined
	}
	return Approved
}

// errorNames are the errors that an app may get (RFC 6749 section 4.1.2.1).
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

// maxReason bounds what an app is told of an error, in bytes.
const maxReason = 512

// reason returns the description in the form that an app may get.
func (a Answer) reason() string {
	if description := display.Cut(display.Clean(a.Description), maxReason); description != "" {
		return description
	}
	return "the user or Stack Exchange refused access"
}

// Browser is the browser that a request comes from. It returns the secret that
// only this browser has for a flow, and the zero Text if it has none. Each sign-in
// has its own secret, so that several can start at once in a new browser.
//
// The browser that starts a sign-in must be the one that comes back from Stack
// Exchange: an attacker who makes others approve by sending them an address gets
// nothing.
type Browser func(flow string) secret.Text

// flowOf returns the flow of the sign-in with a state: 16 characters of A-Z 2-7
// that do not reveal the state.
func flowOf(state string) string {
	sum := sha256.Sum256([]byte("dss flow v1\x00" + state))
	return base32.StdEncoding.EncodeToString(sum[:10])
}

// browserHash is the first half of the SHA-256 of a browser's secret. Zero means no
// browser.
type browserHash [sha256.Size / 2]byte

func hashBrowser(browser secret.Text) browserHash {
	sum := sha256.Sum256([]byte(browser.Reveal()))
	return browserHash(sum[:])
}

func (s session) startedBy(browser secret.Text) bool {
	hash := hashBrowser(browser)
	return s.Browser != browserHash{} && !browser.IsZero() && secret.Equal(s.Browser[:], hash[:])
}
