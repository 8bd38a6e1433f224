package dss

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/desktop-stack-serv/dss/api"
)

// startRelay uses a key that only the holder of its verifier can claim under,
// and a code that only the holder of another verifier can redeem.
func (c *Client) startRelay() *SignIn {
	claimVerifier, codeVerifier := randomText(), randomText()
	key := "s256." + challengeOf(claimVerifier)
	s := c.newRelaySignIn(FlowRelay, key, "/oauth", url.Values{
		"code_challenge": {challengeOf(codeVerifier)}, "code_challenge_method": {"S256"},
	})
	s.wait = func(ctx context.Context) (*Token, error) {
		a, err := c.claim(ctx, url.Values{"key": {key}, "verifier": {claimVerifier}})
		if err != nil {
			return nil, err
		}
		if a.Code == "" {
			return nil, a.err()
		}
		return c.redeem(ctx, a.Code, codeVerifier)
	}
	return s
}

func (c *Client) startImplicit() *SignIn {
	verifier := randomText()
	key := "s256." + challengeOf(verifier)
	s := c.newRelaySignIn(FlowImplicit, key, "/oauth/dialog", nil)
	s.wait = func(ctx context.Context) (*Token, error) {
		a, err := c.claim(ctx, url.Values{"key": {key}, "verifier": {verifier}})
		if err != nil {
			return nil, err
		}
		if a.AccessToken == "" {
			return nil, a.err()
		}
		return c.newToken(a.AccessToken, 0), nil
	}
	return s
}

func (c *Client) newRelaySignIn(flow Flow, key, path string, query url.Values) *SignIn {
	if query == nil {
		query = url.Values{}
	}
	query.Set("client_id", c.config.ClientID)
	query.Set("redirect_uri", c.relayRedirectURI())
	query.Set("state", key)
	if len(c.config.Scopes) > 0 {
		query.Set("scope", c.scope())
	}
	return &SignIn{
		Flow: flow, URL: c.stackExchange.JoinPath(path).String() + "?" + query.Encode(),
		MatchCode: matchCode(key), Expires: time.Now().Add(lifetime),
	}
}

func (c *Client) relayRedirectURI() string {
	u := c.server.JoinPath(api.PathRedirect)
	if c.config.AppID != "" {
		u = u.JoinPath(c.config.AppID)
	}
	return u.String()
}

// claim waits for the answer. A bound key may be claimed again for a minute,
// so an answer that was lost on the way comes again.
func (c *Client) claim(ctx context.Context, form url.Values) (*answer, error) {
	form.Set("wait", strconv.Itoa(waitSeconds))
	if c.config.AppID != "" {
		form.Set("appid", c.config.AppID)
	}
	for {
		a, err := persist(ctx, firstDelay, func() (*answer, error) { return c.post(ctx, c.server.JoinPath(api.PathToken).String(), form) })
		switch {
		case err != nil:
			return nil, err
		case a.status == http.StatusOK:
			return a, nil
		case a.status != http.StatusNotFound || a.RelayError != api.NoToken:
			return nil, a.err()
		}
		// Nothing yet. A server that answers at once must not be asked in a
		// tight loop.
		if !sleep(ctx, firstDelay) {
			return nil, context.Cause(ctx)
		}
	}
}

// redeem gets the token for a code from Stack Exchange itself.
func (c *Client) redeem(ctx context.Context, code, verifier string) (*Token, error) {
	form := url.Values{
		"client_id": {c.config.ClientID}, "code": {code}, "redirect_uri": {c.relayRedirectURI()}, "code_verifier": {verifier},
	}
	a, err := persist(ctx, firstDelay, func() (*answer, error) {
		return c.post(ctx, c.stackExchange.JoinPath("/oauth/access_token/json").String(), form)
	})
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK || a.AccessToken == "" {
		return nil, a.err()
	}
	return c.newToken(a.AccessToken, a.Expires), nil
}
