package oauth

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"time"

	"github.com/desktop-stack-serv/dss/internal/pattern"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// AuthorizationRequest is what an app's browser asks for (RFC 6749 section
// 4.1.1).
type AuthorizationRequest struct {
	ClientID, RedirectURI, Scope, State, CodeChallenge string
	// Direct has the app get Stack Exchange's own code, which it redeems there
	// with its code verifier. This server never has the token.
	Direct bool
	// End is what the app can end the sign-in by; "" if it cannot. See [Service.End].
	End string
}

// maxState is the longest state of an app, in bytes.
const maxState = 4096

var challengeText = pattern.Lazy(`^[A-Za-z0-9_-]{43}$`)

// CheckClient returns an error if the user must not be sent back to where the
// request says (RFC 6749 section 4.1.2.1): [ErrInvalidClient] or
// [ErrInvalidRedirectURI], wrapped.
func (s *Service) CheckClient(clientID, redirectURI string) error {
	if err := checkClientID(clientID); err != nil {
		return err
	}
	_, err := s.redirectURI(clientID, redirectURI)
	return err
}

// Authorize starts the code grant and returns where to send the browser. The
// app's own code challenge goes on to Stack Exchange, and browser is the one
// that must come back. Errors are those of CheckClient and Permit, [ErrInvalidState],
// [ErrInvalidScope], [ErrInvalidChallenge], [ErrInvalidEnd], and those of package sealed.
func (s *Service) Authorize(ctx context.Context, r AuthorizationRequest, browser Browser) (string, error) {
	if err := s.CheckClient(r.ClientID, r.RedirectURI); err != nil {
		return "", err
	}
	if len(r.State) > maxState {
		return "", ErrInvalidState
	}
	asked, err := parseScope(r.Scope)
	if err == nil {
		err = s.permit(ctx, r.ClientID, CodeGrant, asked)
	}
	if err != nil {
		return "", err
	}
	switch {
	case !challengeText().MatchString(r.CodeChallenge):
		return "", ErrInvalidChallenge
	case r.End != "" && !challengeText().MatchString(r.End):
		return "", ErrInvalidEnd
	}
	sess := session{
		ClientID: r.ClientID, Scope: asked, Challenge: r.CodeChallenge, Asked: time.Now(),
		RedirectURI: r.RedirectURI, State: r.State,
	}
	if !r.Direct {
		sess.AppCode = newAppCode(newState(), time.Time{}).Reveal()
	}
	if err := s.allow(ctx, 1, s.sessions.Size(sess)); err != nil {
		return "", err
	}
	state, err := s.createCode(ctx, sess, r.End, browser)
	if err != nil {
		return "", err
	}
	s.observe(ctx, sess.grant(), sess.Challenge, Started)
	return s.atStackExchange(sess, state.text()), nil
}

// createCode stores a session for a browser and returns its state: the first free one of
// those that the app can end, if it can end any, and otherwise a random one.
func (s *Service) createCode(ctx context.Context, sess session, end string, browser Browser) (state, error) {
	expires := time.Now().Add(s.config.TTL)
	for _, at := range append(statesOf(end), newState()) {
		sess.Browser = hashBrowser(browser(flowOf(at.text())))
		if sess.AppCode != "" {
			sess.AppCode = newAppCode(at, expires).Reveal()
		}
		if created, err := s.sessions.Create(ctx, atState(at.text()), sess, expires); err != nil || created {
			return at, err
		}
	}
	return state{}, sealed.ErrContended // a random one cannot be taken
}

// RedirectError returns where to send the browser with an error for the app of a
// request. The error is [ErrInvalidRedirectURI], wrapped.
func (s *Service) RedirectError(r AuthorizationRequest, name, description string) (string, error) {
	return s.respond(r, url.Values{"error": {name}, "error_description": {description}})
}

// respond adds what every authorization response has (RFC 9207).
func (s *Service) respond(r AuthorizationRequest, response url.Values) (string, error) {
	u, err := s.redirectURI(r.ClientID, r.RedirectURI)
	if err != nil {
		return "", err
	}
	if r.State != "" {
		response.Set("state", r.State)
	}
	response.Set("iss", s.config.Issuer)
	return u.with(response), nil
}

// toApp returns where to send the browser in the end: with the app's code, that
// of Stack Exchange for direct redemption, or an error.
func (s *Service) toApp(sess session, answer Answer) (string, error) {
	r := AuthorizationRequest{ClientID: sess.ClientID, RedirectURI: sess.RedirectURI, State: sess.State}
	if sess.Status == denied {
		return s.RedirectError(r, answer.errorName(), answer.reason())
	}
	return s.respond(r, url.Values{"code": {cmp.Or(sess.AppCode, sess.Code)}})
}

// Exchange is an app's request for the token of its code (RFC 6749 section
// 4.1.3, RFC 7636 section 4.5).
type Exchange struct {
	ClientID       string
	RedirectURI    string // "" if the app leaves it out, as OAuth 2.1 lets it
	Code, Verifier secret.Text
}

// Redeem returns the token for a code. Errors are [ErrInvalidGrant],
// [ErrUnavailable], and those of package sealed. An exchange that is wrong changes
// nothing.
func (s *Service) Redeem(ctx context.Context, e Exchange) (Token, error) {
	at, _, ok := readAppCode(e.Code)
	if !ok {
		return Token{}, errUnknownCode
	}
	token, err := s.redeem(ctx, atState(at.text()), e.Verifier, func(rec *record) error { return s.check(rec.Value, rec.Found, e) })
	if err == errBusy {
		err = ErrUnavailable
	}
	return token, err
}

// check returns what is wrong with an exchange.
func (s *Service) check(sess session, found bool, e Exchange) error {
	switch {
	case !found && forgotten(e.Code):
		return errExpiredCode
	case !found || sess.Status == pending || sess.Status == denied, !secret.Equal(sess.AppCode, e.Code.Reveal()):
		return errUnknownCode
	case sess.ClientID != e.ClientID:
		return errOtherClient
	case e.RedirectURI != "" && e.RedirectURI != sess.RedirectURI:
		return errOtherRedirectURI
	case !secret.Equal(sess.Challenge, secret.S256(e.Verifier)):
		return errWrongVerifier
	case sess.over() != nil:
		return sess.over()
	case time.Since(sess.Approved) >= s.codeLife():
		return errExpiredCode
	}
	return nil
}

// forgottenFor is how long an app is told that its code has expired. After that, the
// code is unknown.
const forgottenFor = 24 * time.Hour

// An app's code is a state, which says where the session is, 160 random bits, and a time
// in seconds until which the code is known.
const (
	appCodeTime = len(state{}) + 20 // where it is
	appCodeSize = appCodeTime + 4
)

// newAppCode returns the code that an app will redeem. So the code leads to the session,
// and the state, which more people see, to no code. The time only decides which error
// the app gets, so it needs no protection.
func newAppCode(at state, until time.Time) secret.Text {
	code := make([]byte, appCodeTime, appCodeSize)
	rand.Read(code[copy(code, at[:]):])
	code = binary.BigEndian.AppendUint32(code, uint32(until.Unix()))
	return secret.Encode(code)
}

// readAppCode returns the state and the time in a code. It reports false for what is none.
func readAppCode(code secret.Text) (at state, until time.Time, ok bool) {
	plain, err := base64.RawURLEncoding.DecodeString(code.Reveal())
	if err != nil || len(plain) != appCodeSize {
		return state{}, time.Time{}, false
	}
	return state(plain), time.Unix(int64(binary.BigEndian.Uint32(plain[appCodeTime:])), 0), true
}

// forgotten reports whether code was known here in the last 24 hours. It is wrong
// for one in 50,000 random texts.
func forgotten(code secret.Text) bool {
	_, until, ok := readAppCode(code)
	since := time.Since(until)
	return ok && 0 <= since && since < forgottenFor
}
