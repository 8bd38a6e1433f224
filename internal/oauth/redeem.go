package oauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// redeemTime is longer than a redemption can take. A session that has been
// redeeming for longer was left behind by a process that ended.
const redeemTime = 30 * time.Second

// errBusy means that another request is redeeming the same code.
var errBusy = errors.New("the code is being redeemed")

// redeem turns the code of the session at a slot into a token, if check does not
// refuse it. However many try, one at a time asks Stack Exchange, and one gets the
// token; the others get errBusy. An answer ends the session, which stays only to
// send its browser the same way again; without an answer, the session is as
// before.
func (s *Service) redeem(
	ctx context.Context, at *sealed.Slot, verifier secret.Text, check func(*record) error,
) (Token, error) {
	// The client may leave; the session must not stay half-way.
	ctx = context.WithoutCancel(ctx)
	var sess session
	rec, err := s.sessions.Update(ctx, at, func(rec *record) error {
		if err := check(rec); err != nil {
			return err
		}
		if rec.Value.Status == redeeming && time.Since(rec.Value.Since) < redeemTime {
			return errBusy
		}
		sess = rec.Value
		rec.Value.Status, rec.Value.Since = redeeming, time.Now()
		return nil
	})
	if err != nil {
		return Token{}, err
	}
	token, err := s.upstream.Redeem(ctx, stackexchange.Redemption{
		ClientID: sess.ClientID, RedirectURI: s.config.CallbackURL, Code: secret.New(sess.Code), Verifier: verifier,
	})
	after, err := sess.afterCode(err)
	rec.Value = after
	done, replaceErr := s.sessions.Replace(ctx, rec)
	if !done && replaceErr == nil && s.undo(ctx, at, after, token.AccessToken) {
		return Token{}, sess.stopped()
	}
	switch {
	case err != nil:
	case replaceErr == nil:
		s.observe(ctx, sess.grant(), sess.Challenge, Redeemed)
		return Token{token.AccessToken, token.Expires, sess.Scope.granted()}, nil
	}
	if after.Status == spent {
		s.observe(ctx, sess.grant(), sess.Challenge, Refused)
	}
	return Token{}, errors.Join(err, replaceErr)
}

// afterCode returns the session after the answer of Stack Exchange to its code, and
// the error for the app.
func (s session) afterCode(err error) (session, error) {
	refused, isRefused := errors.AsType[*stackexchange.RefusedError](err)
	switch {
	case err == nil:
		return s.ended(redeemed), nil
	case isRefused:
		s = s.ended(spent)
		return s, fmt.Errorf("%w: %w", s.over(), refused)
	}
	s.Status, s.Since = approved, time.Time{}
	s.Unanswered = s.Unanswered || !errors.Is(err, stackexchange.ErrUnsent)
	return s, fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// ended returns the session without its code, which is good for nothing more.
func (s session) ended(how status) session {
	s.Status, s.Code = how, ""
	return s
}

// over says why there is no token to be had any more; nil if there may be one.
func (s session) over() error {
	switch {
	case s.Status == redeemed:
		return errUsedCode
	case s.Status == spent && s.Unanswered:
		return errLostAnswer
	case s.Status == spent:
		return errRefusedCode
	case s.isStopped():
		return s.stopped()
	}
	return nil
}

// isStopped reports whether the app or the user has ended the sign-in.
func (s session) isStopped() bool {
	return s.Status == revoked || s.Status == stopping || s.Status == undone || s.Status == unended
}

// stopped is the error for an app whose user has stopped the sign-in.
func (s session) stopped() error {
	if s.device() {
		return ErrDenied
	}
	return errStoppedCode
}
