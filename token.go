package dss

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

// Token is what a sign-in is for.
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

func (c *Client) newToken(a *answer, seconds int64) *Token {
	token := &Token{AccessToken: secret.New(a.AccessToken), Scopes: slices.Clone(c.config.Scopes)}
	var granted *string
	if json.Unmarshal(a.Scope, &granted) == nil && granted != nil {
		token.Scopes = strings.FieldsFunc(*granted, func(r rune) bool { return r == ' ' || r == ',' })
	}
	if seconds > 0 {
		token.Expires = time.Now().Add(time.Duration(seconds) * time.Second)
	}
	return token
}

// request is what every request for authorization has.
func (c *Client) request() url.Values {
	request := url.Values{"client_id": {c.config.ClientID}}
	if len(c.config.Scopes) > 0 {
		request.Set("scope", strings.Join(c.config.Scopes, " "))
	}
	return request
}

// codeRequest asks for a code that only the holder of the verifier can redeem
// (RFC 7636 section 4.3).
func (c *Client) codeRequest(verifier secret.Text) url.Values {
	request := c.request()
	request.Set("code_challenge", secret.S256(verifier))
	request.Set("code_challenge_method", "S256")
	return request
}

// redeem gets the token for a code (RFC 6749 section 4.1.3, RFC 7636 section
// 4.5), from the server or from Stack Exchange itself. That works once, so it
// does not go into a connection that may have died while the user signed in.
func (c *Client) redeem(ctx context.Context, target *url.URL, form url.Values) (*answer, error) {
	form.Set("client_id", c.config.ClientID)
	c.http.CloseIdleConnections()
	a, err := c.persist(ctx, firstDelay, target, form, true)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK || a.AccessToken == "" {
		return nil, a.err()
	}
	return a, nil
}
