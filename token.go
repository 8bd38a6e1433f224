package dss

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// Secret is text that only its method Reveal returns. Every usual way to print,
// log or encode it redacts it.
type Secret = secret.Text

// Token is what a sign-in returns.
type Token struct {
	// AccessToken goes into the Authorization header, as Bearer.
	AccessToken Secret
	// Expires is when the token ends; zero if it never does, or if the
	// server does not say, as in [FlowImplicit].
	Expires time.Time
	// Scopes are what the token is for: what the server says, or what the app
	// asked for where it says nothing (RFC 6749 section 5.1).
	Scopes []string
}

func (c *Client) newToken(a *answer) *Token {
	token := &Token{AccessToken: secret.New(a.AccessToken), Scopes: slices.Clone(c.config.Scopes)}
	var granted *string
	if json.Unmarshal(a.Scope, &granted) == nil && granted != nil {
		token.Scopes = strings.FieldsFunc(*granted, func(r rune) bool { return r == ' ' || r == ',' })
	}
	if a.ExpiresIn > 0 {
		token.Expires = time.Now().Add(time.Duration(a.ExpiresIn) * time.Second)
	}
	return token
}

// request returns what every authorization request has.
func (c *Client) request() url.Values {
	request := url.Values{"client_id": {c.config.ClientID}}
	if len(c.config.Scopes) > 0 {
		request.Set("scope", strings.Join(c.config.Scopes, " "))
	}
	return request
}

// codeRequest returns a request for a code that only the holder of the verifier
// can redeem (RFC 7636 section 4.3).
func (c *Client) codeRequest(verifier secret.Text) url.Values {
	request := c.request()
	request.Set("code_challenge", secret.S256(verifier))
	request.Set("code_challenge_method", "S256")
	return request
}

// redeem gets the token for a code, from the server or from Stack Exchange
// itself. That works once, so the request does not use a connection that may
// have died while the user signed in.
func (c *Client) redeem(ctx context.Context, try attempt) (*Token, error) {
	c.fetch.Reconnect()
	a, err := c.persist(ctx, firstDelay, patient(try), true)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK || a.AccessToken == "" {
		return nil, a.err()
	}
	return c.newToken(a), nil
}

// redemption asks Stack Exchange for the token of a code.
func redemption(upstream *stackexchange.Client, r stackexchange.Redemption) attempt {
	return func(ctx context.Context) (*answer, error) {
		token, err := upstream.Redeem(ctx, r)
		if refused, ok := errors.AsType[*stackexchange.RefusedError](err); ok {
			return &answer{status: refused.Status, OAuthError: refused.Type, OAuthMessage: refused.Message}, nil
		}
		if unusable, ok := errors.AsType[*stackexchange.AnswerError](err); ok && isBusy(unusable.Status) {
			return &answer{status: unusable.Status, retryAfter: unusable.RetryAfter, described: unusable.Text}, nil
		}
		if err != nil {
			return nil, upstreamError(ctx, err)
		}
		a := &answer{status: http.StatusOK, AccessToken: token.AccessToken.Reveal()}
		a.ExpiresIn = int64(token.Expires / time.Second)
		a.Scope, err = json.Marshal(token.Scope)
		return a, err
	}
}
