package oauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// redeemTime is longer than a redemption can take. A session that has been
// redeeming for longer was left behind by a process that ended.
const redeemTime = 30 * time.Second

var (
	// errBusy means that another request is redeeming the same code.
	errBusy = errors.New("the code is being redeemed")
	// errChanged means that the session is not what it was a moment ago.
	errChanged = errors.New("the session has changed")
)

// redeem turns a session's code into a token. However many try, one at a time
// asks Stack Exchange, and one gets the token. An answer ends the session, which
// stays only to send its browser the same way again; without an answer, the
// session is as before. If the session has changed, because of another
// redemption or because the user has approved again, redeem returns errChanged.
func (s *Service) redeem(ctx context.Context, rec record[session], verifier secret.Text) (Token, error) {
	// The client may leave; the session must not stay half-way.
	ctx = context.WithoutCancel(ctx)
	sess := rec.value
	if err := sess.over(); err != nil {
		return Token{}, err
	}
	if err := s.reserve(ctx, &rec); err != nil {
		return Token{}, err
	}
	token, err := s.upstream.Redeem(ctx, stackexchange.Redemption{
		ClientID: sess.ClientID, RedirectURI: s.config.CallbackURL, Code: secret.New(sess.Code), Verifier: verifier,
	})
	var refused *stackexchange.RefusedError
	switch {
	case err == nil:
		if _, err = rec.replace(ctx, s.store, sess.ended(redeemed)); err == nil {
			s.tell(ctx, sess, Redeemed)
		}
		return Token{token.AccessToken, token.Expires, sess.Scope.granted()}, err
	case errors.As(err, &refused):
		s.tell(ctx, sess, Refused)
		over := sess.ended(spent)
		_, replaceErr := rec.replace(ctx, s.store, over)
		return Token{}, errors.Join(fmt.Errorf("%w: %w", over.over(), refused), replaceErr)
	}
	sess.Status, sess.Since = approved, time.Time{}
	sess.Unanswered = sess.Unanswered || !errors.Is(err, stackexchange.ErrUnsent)
	_, replaceErr := rec.replace(ctx, s.store, sess)
	return Token{}, errors.Join(fmt.Errorf("%w: %w", ErrUnavailable, err), replaceErr)
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
	case s.Status == revoked:
		return errRevokedDevice
	}
	return nil
}

// reserve marks the session as being redeemed by this call.
func (s *Service) reserve(ctx context.Context, rec *record[session]) error {
	sess := rec.value
	if sess.Status == redeeming && time.Since(sess.Since) < redeemTime {
		return errBusy
	}
	sess.Status, sess.Since = redeeming, time.Now()
	reserved, err := rec.replace(ctx, s.store, sess)
	if err == nil && !reserved {
		err = errChanged
	}
	return err
}
