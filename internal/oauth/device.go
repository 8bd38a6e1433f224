package oauth

import (
	"context"
	"time"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

// DeviceAuthorization is what a device shows and polls with (RFC 8628 section
// 3.2).
type DeviceAuthorization struct {
	DeviceCode secret.Text
	UserCode   UserCode
	Expires    time.Duration
}

// AuthorizeDevice starts the device grant. Errors are [ErrInvalidClient],
// [ErrInvalidScope], and the store's.
func (s *Service) AuthorizeDevice(ctx context.Context, clientID, scopeText string) (DeviceAuthorization, error) {
	if err := checkClientID(clientID); err != nil {
		return DeviceAuthorization{}, err
	}
	asked, err := parseScope(scopeText)
	if err != nil {
		return DeviceAuthorization{}, err
	}
	sess := session{ClientID: clientID, Scope: asked, Asked: time.Now()}
	for range maxAttempts {
		a, created, err := s.createDevice(ctx, sess, newDeviceCode(time.Now().Add(s.config.TTL)))
		if err != nil || created {
			return a, err
		}
	}
	return DeviceAuthorization{}, errContended
}

// createDevice reports false when the user code is taken.
func (s *Service) createDevice(ctx context.Context, sess session, code deviceCode) (DeviceAuthorization, bool, error) {
	d, err := code.derive()
	if err != nil {
		return DeviceAuthorization{}, false, err
	}
	sess.UserCode, sess.Challenge = d.userCode, secret.S256(d.verifier)
	bytes := size(sess) + size(pointer{d.state})
	if s.config.Shared {
		bytes += size(clock{}) // which comes and goes meanwhile
	}
	if err := s.admit(ctx, 2, bytes); err != nil {
		return DeviceAuthorization{}, false, err
	}
	expires := time.Now().Add(s.config.TTL)
	created, err := create(ctx, s.store, underUserCode, secret.New(string(d.userCode)), pointer{d.state}, expires)
	if err != nil || !created {
		return DeviceAuthorization{}, false, err
	}
	created, err = create(ctx, s.store, underState, secret.New(d.state), sess, expires)
	if created {
		s.tell(ctx, sess, Started)
	}
	return DeviceAuthorization{secret.New(code.text), d.userCode, s.config.TTL}, created, err
}

// Poll is a device's request for its token (RFC 8628 section 3.4).
type Poll struct {
	ClientID   string
	DeviceCode secret.Text
	Basic      bool // it came with HTTP Basic authentication
}

// Poll returns the token once the user has approved. Errors are [ErrPending],
// [ErrSlowDown], [ErrExpired], [ErrDenied], [ErrInvalidGrant], and the
// store's.
func (s *Service) Poll(ctx context.Context, p Poll) (Token, error) {
	code, err := parseDeviceCode(p.DeviceCode.Reveal())
	if err != nil {
		return Token{}, errUnknownDevice
	}
	d, err := code.derive()
	if err != nil {
		return Token{}, errUnknownDevice
	}
	rec, ok, err := s.session(ctx, d.state)
	switch {
	case err != nil:
		return Token{}, err
	case !ok && !time.Now().Before(code.expires):
		return Token{}, ErrExpired
	case !ok:
		return Token{}, errUnknownDevice
	case rec.value.ClientID != p.ClientID:
		return Token{}, errOtherClient
	case rec.value.over() != nil:
		return Token{}, rec.value.over()
	}
	inTime, err := s.pace.admit(ctx, rec.slot.ID, d.state, p.Basic, time.Now())
	switch {
	case err != nil:
		return Token{}, err
	case !inTime:
		return Token{}, ErrSlowDown
	}
	return s.answer(ctx, rec, d.verifier)
}

func (s *Service) answer(ctx context.Context, rec record[session], verifier secret.Text) (Token, error) {
	switch rec.value.Status {
	case pending:
		return Token{}, ErrPending
	case denied:
		return Token{}, ErrDenied
	}
	token, err := s.redeem(ctx, rec, verifier)
	if err == errBusy || err == errChanged {
		return Token{}, ErrPending
	}
	return token, err
}

// IsDeviceCode reports whether text has the form of a device code, which no
// token of Stack Exchange has.
func IsDeviceCode(text string) bool {
	_, err := parseDeviceCode(text)
	return err == nil
}

// Revoke ends the sign-in of a device code; clientID may be "". A code that is
// unknown, or has led to a token, is no error. Errors are [ErrInvalidGrant] for
// the code of another client, [ErrUnavailable] while a token is on its way, and
// the store's.
func (s *Service) Revoke(ctx context.Context, clientID string, device secret.Text) error {
	d, err := deviceCode{text: device.Reveal()}.derive()
	if err != nil {
		return nil // nobody has got such a code
	}
	for range maxAttempts {
		rec, ok, err := s.session(ctx, d.state)
		switch {
		case err != nil || !ok:
			return err
		case clientID != "" && clientID != rec.value.ClientID:
			return errOtherClient
		case rec.value.over() != nil:
			return nil
		case rec.value.Status == redeeming && time.Since(rec.value.Since) < redeemTime:
			return ErrUnavailable
		}
		done, err := rec.replace(ctx, s.store, rec.value.ended(revoked))
		if err != nil {
			return err
		}
		if done {
			return s.forgetUserCode(ctx, rec.value)
		}
	}
	return errContended
}

// DeviceRequest is what the user has to decide on.
type DeviceRequest struct {
	Flow     string // names the sign-in to a [Browser]
	ClientID string
	Scopes   []string
	Asked    time.Time
}

// LookUp returns what waits under a user code. The error is [ErrUnknown], or
// the store's.
func (s *Service) LookUp(ctx context.Context, userCode UserCode) (DeviceRequest, error) {
	rec, state, err := s.waiting(ctx, userCode)
	if err != nil {
		return DeviceRequest{}, err
	}
	sess := rec.value
	return DeviceRequest{flowOf(state), sess.ClientID, sess.Scope.names(), sess.Asked}, nil
}

// waiting returns the pending session under a user code, and its state.
func (s *Service) waiting(ctx context.Context, userCode UserCode) (record[session], string, error) {
	at, ok, err := load[pointer](ctx, s.store, underUserCode, secret.New(string(userCode)))
	if err != nil || !ok {
		return record[session]{}, "", orUnknown(err)
	}
	rec, ok, err := s.session(ctx, at.value.State)
	if err != nil || !ok || rec.value.Status != pending {
		return rec, "", orUnknown(err)
	}
	return rec, at.value.State, nil
}

// Continue binds the sign-in to the browser in which the user has agreed to
// go on, and returns where to send it. A later browser takes over from an
// earlier one. Errors are [ErrUnknown] and the store's.
func (s *Service) Continue(ctx context.Context, userCode UserCode, browser Browser) (string, error) {
	for range maxAttempts {
		rec, state, err := s.waiting(ctx, userCode)
		if err != nil {
			return "", err
		}
		sess := rec.value
		sess.Browser = hashBrowser(browser(flowOf(state)))
		replaced, err := rec.replace(ctx, s.store, sess)
		if err != nil {
			return "", err
		}
		if replaced {
			return s.atStackExchange(sess, state), nil
		}
	}
	return "", errContended
}

// Decline has the device told that the user said no. Errors are [ErrUnknown]
// and the store's.
func (s *Service) Decline(ctx context.Context, userCode UserCode) error {
	for range maxAttempts {
		rec, _, err := s.waiting(ctx, userCode)
		if err != nil {
			return err
		}
		next, _ := rec.value.after(Answer{})
		if done, err := s.conclude(ctx, rec, next); err != nil || done {
			return err
		}
	}
	return errContended
}
