package oauth

import (
	"context"
	"net/netip"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// DeviceAuthorization is what a device shows and polls with (RFC 8628 section
// 3.2).
type DeviceAuthorization struct {
	DeviceCode secret.Text
	UserCode   UserCode
	Expires    time.Duration
}

// AuthorizeDevice starts the device grant of a device with an address. Errors are [ErrInvalidClient],
// [ErrInvalidScope], and those of Permit and package sealed.
func (s *Service) AuthorizeDevice(
	ctx context.Context, clientID, scopeText string, from netip.Addr,
) (DeviceAuthorization, error) {
	if err := checkClientID(clientID); err != nil {
		return DeviceAuthorization{}, err
	}
	asked, err := parseScope(scopeText)
	if err == nil {
		err = s.permit(ctx, clientID, DeviceGrant, asked)
	}
	if err != nil {
		return DeviceAuthorization{}, err
	}
	sess := session{ClientID: clientID, Scope: asked, Asked: time.Now()}
	for range maxUserCodes {
		a, created, err := s.createDevice(ctx, sess, from, newDeviceCode(time.Now().Add(s.config.TTL)))
		if err != nil || created {
			return a, err
		}
	}
	return DeviceAuthorization{}, sealed.ErrContended
}

// maxUserCodes is how many user codes are drawn until one is free. With a
// hundred thousand sign-ins under way, one of 250,000 is taken.
const maxUserCodes = 4

// createDevice reports false when the user code is taken.
func (s *Service) createDevice(
	ctx context.Context, sess session, from netip.Addr, code deviceCode,
) (DeviceAuthorization, bool, error) {
	key := code.key()
	userCode, ok := key.userCode()
	if !ok {
		return DeviceAuthorization{}, false, nil
	}
	sess.UserCode, sess.Challenge = userCode, secret.S256(key.verifier())
	to := pointer{key.state()}
	sess.Network = networkOf(from, to.State)
	bytes := s.sessions.Size(sess) + s.pointers.Size(to) + s.pace.size()
	if err := s.allow(ctx, 2, bytes); err != nil {
		return DeviceAuthorization{}, false, err
	}
	expires := time.Now().Add(s.config.TTL)
	if created, err := s.pointers.Create(ctx, atUserCode(userCode), to, expires); err != nil || !created {
		return DeviceAuthorization{}, false, err
	}
	created, err := s.sessions.Create(ctx, atState(to.State), sess, expires)
	if created {
		s.observe(ctx, sess.grant(), sess.Challenge, Started)
	}
	return DeviceAuthorization{secret.New(code.text), userCode, s.config.TTL}, created, err
}

// Poll is a device's request for its token (RFC 8628 section 3.4).
type Poll struct {
	ClientID   string
	DeviceCode secret.Text
	Basic      bool // it came with HTTP Basic authentication
}

// Poll returns the token once the user has approved. Errors are [ErrPending],
// [ErrSlowDown], [ErrExpired], [ErrDenied], [ErrInvalidGrant], and those of package
// sealed.
func (s *Service) Poll(ctx context.Context, p Poll) (Token, error) {
	code, err := parseDeviceCode(p.DeviceCode.Reveal())
	if err != nil {
		return Token{}, errUnknownDevice
	}
	key := code.key()
	state := key.state()
	at := atState(state)
	rec, err := s.sessions.Load(ctx, at)
	switch sess := rec.Value; {
	case err != nil:
		return Token{}, err
	case !rec.Found && !time.Now().Before(code.expires):
		return Token{}, ErrExpired
	case !rec.Found:
		return Token{}, errUnknownDevice
	case sess.ClientID != p.ClientID:
		return Token{}, errOtherClient
	case sess.over() != nil:
		return Token{}, sess.over()
	}
	inTime, err := s.pace.inTime(ctx, state, p.Basic, time.Now())
	switch {
	case err != nil:
		return Token{}, err
	case !inTime:
		return Token{}, ErrSlowDown
	case rec.Value.Status == pending:
		return Token{}, ErrPending
	case rec.Value.Status == denied:
		return Token{}, ErrDenied
	}
	token, err := s.redeem(ctx, at, key.verifier(), func(rec *record) error {
		if !rec.Found {
			return ErrExpired
		}
		return rec.Value.over()
	})
	if err == errBusy {
		err = ErrPending
	}
	return token, err
}

// DeviceRequest is what the user decides on.
type DeviceRequest struct {
	Flow     string // names the sign-in to a [Browser]
	ClientID string
	Scopes   []string
	Asked    time.Time
	Expires  time.Time
	// Elsewhere is set if the device is known to be on another network than the
	// user. If it is not set, nothing is known.
	Elsewhere bool
}

// Find returns the sign-in that waits under a user code, for a user with an address.
// Errors are [ErrUnknown] and those of Permit and package sealed.
func (s *Service) Find(ctx context.Context, userCode UserCode, from netip.Addr) (DeviceRequest, error) {
	state, err := s.waiting(ctx, userCode)
	if err != nil {
		return DeviceRequest{}, err
	}
	rec, err := s.sessions.Load(ctx, atState(state))
	if err == nil {
		err = isPending(rec)
	}
	sess := rec.Value
	if err == nil {
		err = s.permit(ctx, sess.ClientID, DeviceGrant, "")
	}
	elsewhere := sess.Network.otherThan(networkOf(from, state))
	return DeviceRequest{flowOf(state), sess.ClientID, sess.Scope.names(), sess.Asked, rec.Expires, elsewhere}, err
}

// waiting returns the state of the session under a user code.
func (s *Service) waiting(ctx context.Context, userCode UserCode) (state string, err error) {
	rec, err := s.pointers.Load(ctx, atUserCode(userCode))
	if err == nil && !rec.Found {
		err = ErrUnknown
	}
	return rec.Value.State, err
}

func isPending(rec *record) error {
	if !rec.Found || rec.Value.Status != pending {
		return ErrUnknown
	}
	return nil
}

// Continue binds the sign-in to the browser in which the user has agreed to
// go on, and returns where to send it. A later browser takes over from an
// earlier one. Errors are [ErrUnknown] and those of Permit and package sealed.
func (s *Service) Continue(ctx context.Context, userCode UserCode, browser Browser) (string, error) {
	state, err := s.waiting(ctx, userCode)
	if err != nil {
		return "", err
	}
	rec, err := s.sessions.Update(ctx, atState(state), func(rec *record) error {
		rec.Value.Browser = hashBrowser(browser(flowOf(state)))
		if err := isPending(rec); err != nil {
			return err
		}
		return s.permit(ctx, rec.Value.ClientID, DeviceGrant, "")
	})
	if err != nil {
		return "", err
	}
	return s.atStackExchange(rec.Value, state), nil
}

// Decline ends the sign-in: the device gets [ErrDenied]. Errors are [ErrUnknown] and
// those of package sealed.
func (s *Service) Decline(ctx context.Context, userCode UserCode) error {
	state, err := s.waiting(ctx, userCode)
	if err != nil {
		return err
	}
	_, err = s.conclude(ctx, atState(state), Answer{}, isPending)
	return err
}
