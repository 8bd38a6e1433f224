package dss

import (
	"slices"
	"strings"
	"time"
)

// Token is what a sign-in is for.
type Token struct {
	// AccessToken goes into the Authorization header, as Bearer.
	AccessToken Secret
	// Expires is when the token ends; zero if it never does, or if the
	// server does not say, as in [FlowImplicit].
	Expires time.Time
	// Scopes are what the app asked for.
	Scopes []string
}

func (c *Client) newToken(accessToken string, seconds int64) *Token {
	token := &Token{AccessToken: newSecret(accessToken), Scopes: slices.Clone(c.config.Scopes)}
	if seconds > 0 {
		token.Expires = time.Now().Add(time.Duration(seconds) * time.Second)
	}
	return token
}

func (c *Client) scope() string { return strings.Join(c.config.Scopes, " ") }
