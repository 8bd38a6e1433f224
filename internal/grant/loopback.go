package grant

import (
	"context"
	"crypto/subtle"
	"net/url"
	"regexp"
	"time"

	"github.com/desktop-stack-serv/dss/internal/relay"
)

// AuthorizationRequest is what an app's browser asks for (RFC 6749 section
// 4.1.1).
type AuthorizationRequest struct {
	ClientID, RedirectURI, Scope, State, CodeChallenge string
}

var challengeText = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// CheckClient returns an error if the user must not be sent back to where the
// request says (RFC 6749 section 4.1.2.1): [ErrInvalidClient] or
// [ErrInvalidRedirectURI], wrapped.
func CheckClient(clientID, redirectURI string) error {
	if err := checkClientID(clientID); err != nil {
		return err
	}
	return checkRedirectURI(redirectURI)
}

// Authorize starts the code grant and returns where to send the browser. The
// app's own code challenge goes on to Stack Exchange. Errors are those of
// [CheckClient], [ErrInvalidScope], [ErrInvalidChallenge], and the store's.
func (s *Service) Authorize(ctx context.Context, r AuthorizationRequest, browser relay.Secret) (string, error) {
	if err := CheckClient(r.ClientID, r.RedirectURI); err != nil {
		return "", err
	}
	asked, err := parseScope(r.Scope)
	if err != nil {
		return "", err
	}
	if !challengeText.MatchString(r.CodeChallenge) {
		return "", ErrInvalidChallenge
	}
	sess := session{
		ClientID: r.ClientID, Scope: asked, Challenge: r.CodeChallenge, Asked: time.Now(),
		RedirectURI: r.RedirectURI, State: r.State, Browser: browserHash(browser),
	}
	state := statePrefix + randomText()
	if _, err := create(ctx, s.store, underState, relay.NewSecret(state), sess, time.Now().Add(s.config.TTL)); err != nil {
		return "", err
	}
	s.tell(ctx, sess, Started)
	return s.atStackExchange(sess, state), nil
}

// RedirectError is where an error goes that the app may learn of.
func (s *Service) RedirectError(redirectURI, state, name, description string) string {
	return s.respond(redirectURI, state, url.Values{"error": {name}, "error_description": {description}})
}

// respond adds what every authorization response has (RFC 9207).
func (s *Service) respond(redirectURI, state string, response url.Values) string {
	if state != "" {
		response.Set("state", state)
	}
	response.Set("iss", s.config.Issuer)
	return withParameters(redirectURI, response)
}

// toApp ends the browser's part of the code grant: it returns where to send
// the browser, with a code of our own or with an error.
func (s *Service) toApp(ctx context.Context, rec record[session], answer Answer) (string, error) {
	sess := rec.value
	if answer.Code == "" {
		if removed, err := rec.remove(ctx, s.store); err != nil || !removed {
			return "", orUnknown(err)
		}
		s.tell(ctx, sess, answer.step())
		return s.RedirectError(sess.RedirectURI, sess.State, answer.errorName(), answer.reason()), nil
	}
	sess.Status, sess.Code = approved, answer.Code
	code := relay.NewSecret(randomText())
	if _, err := create(ctx, s.store, underCode, code, sess, time.Now().Add(min(s.config.TTL, codeLife))); err != nil {
		return "", err
	}
	if removed, err := rec.remove(ctx, s.store); err != nil || !removed {
		return "", orUnknown(err)
	}
	s.tell(ctx, sess, answer.step())
	return s.respond(sess.RedirectURI, sess.State, url.Values{"code": {code.Reveal()}}), nil
}

func orUnknown(err error) error {
	if err != nil {
		return err
	}
	return ErrUnknown
}

// Exchange is an app's request for the token of its code (RFC 6749 section
// 4.1.3, RFC 7636 section 4.5).
type Exchange struct {
	ClientID       string
	RedirectURI    string // "" if the app leaves it out, as OAuth 2.1 lets it
	Code, Verifier relay.Secret
}

// Redeem returns the token for a code. Errors are [ErrInvalidGrant],
// [ErrUnavailable], and the store's. What does not fit changes nothing.
func (s *Service) Redeem(ctx context.Context, e Exchange) (Token, error) {
	rec, ok, err := load[session](ctx, s.store, underCode, e.Code)
	if err != nil {
		return Token{}, err
	}
	if !ok || !rec.value.fits(e) {
		return Token{}, ErrInvalidGrant
	}
	token, err := s.redeem(ctx, rec, e.Verifier)
	if err == errBusy {
		return Token{}, ErrUnavailable
	}
	return token, err
}

func (s session) fits(e Exchange) bool {
	return s.ClientID == e.ClientID && (e.RedirectURI == "" || e.RedirectURI == s.RedirectURI) &&
		subtle.ConstantTimeCompare([]byte(s.Challenge), []byte(challengeOf(e.Verifier))) == 1
}
