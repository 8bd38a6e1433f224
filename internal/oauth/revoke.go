package oauth

import (
	"context"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// IsDeviceCode reports whether text has the form of a device code. No token of
// Stack Exchange has it.
func IsDeviceCode(text string) bool {
	_, err := parseDeviceCode(text)
	return err == nil
}

// IsEndCode reports whether text has the form of what an app ends its sign-ins with in
// the code grant. No token of Stack Exchange has it.
func IsEndCode(text string) bool {
	rest, ok := strings.CutPrefix(text, api.EndPrefix)
	return ok && len(rest) == 43
}

// Revoke ends the sign-in of a device code, and leaves nothing of it; clientID may be "".
// A code that is unknown is not an error. Errors are [ErrInvalidGrant] for
// the code of another client, [ErrUnavailable] while the code is being redeemed, and
// those of package sealed.
func (s *Service) Revoke(ctx context.Context, clientID string, device secret.Text) error {
	key := deviceCode{text: device.Reveal()}.key()
	_, err := s.revoke(ctx, key.state(), clientID)
	return err
}

// End ends the sign-ins that an app has started with the hash of code as the End of its
// requests, like Revoke.
func (s *Service) End(ctx context.Context, clientID string, code secret.Text) error {
	for _, at := range statesOf(secret.S256(code)) {
		if found, err := s.revoke(ctx, at.text(), clientID); err != nil || !found {
			return err
		}
	}
	return nil
}

// revoke removes the session with a state, and reports whether there was one. One that the
// user has stopped stays, to tell them how that went.
func (s *Service) revoke(ctx context.Context, state, clientID string) (found bool, err error) {
	at, ended := atState(state), false
	rec, err := s.sessions.Update(ctx, at, func(rec *record) error {
		ended = false
		switch sess := rec.Value; {
		case !rec.Found:
			return sealed.ErrUnchanged
		case clientID != "" && clientID != sess.ClientID:
			return errOtherClient
		case sess.Status == redeeming && time.Since(sess.Since) < redeemTime:
			return ErrUnavailable
		case sess.isStopped():
			return sealed.ErrUnchanged
		}
		rec.Value, ended = rec.Value.ended(revoked), true // so that nobody redeems it meanwhile
		return nil
	})
	if err != nil || !ended {
		return rec.Found, err
	}
	if err := s.forgetUserCode(ctx, rec.Value); err != nil {
		return true, err
	}
	return true, s.vault.Remove(ctx, at)
}
