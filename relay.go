package dss

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// startRelay uses a code that only the holder of its verifier can redeem.
func (c *Client) startRelay(upstream *stackexchange.Client) *SignIn {
	verifier := secret.Random()
	address := upstream.BaseURL().JoinPath("oauth")
	finish := func(ctx context.Context, a *answer) (*Token, error) {
		code, err := secret.Parse("code", a.Code)
		if err != nil {
			return nil, a.err()
		}
		return c.redeem(ctx, redemption(upstream, stackexchange.Redemption{
			ClientID: c.config.ClientID, RedirectURI: c.relayRedirectURI(), Code: code, Verifier: verifier,
		}))
	}
	return c.newRelaySignIn(FlowRelay, address, c.codeRequest(verifier), finish)
}

func (c *Client) startImplicit(upstream *stackexchange.Client) *SignIn {
	address := upstream.BaseURL().JoinPath("oauth/dialog")
	return c.newRelaySignIn(FlowImplicit, address, c.request(), func(_ context.Context, a *answer) (*Token, error) {
		if a.AccessToken == "" {
			return nil, a.err()
		}
		return c.newToken(a), nil
	})
}

// newRelaySignIn uses a key that only the holder of its verifier can claim
// under.
func (c *Client) newRelaySignIn(
	flow Flow, address *url.URL, query url.Values, finish func(context.Context, *answer) (*Token, error),
) *SignIn {
	verifier := secret.Random()
	key := secret.New("s256." + secret.S256(verifier))
	query.Set("redirect_uri", c.relayRedirectURI())
	query.Set("state", key.Reveal())
	return &SignIn{
		Flow: flow, URL: address.String() + "?" + query.Encode(),
		MatchCode: secret.MatchCode(key), Expires: time.Now().Add(api.DefaultTTL),
		wait: func(ctx context.Context) (*Token, error) {
			a, err := c.claim(ctx, url.Values{"key": {key.Reveal()}, "verifier": {verifier.Reveal()}})
			if err != nil {
				return nil, err
			}
			return finish(ctx, a)
		},
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
		a, err := c.persist(ctx, firstDelay, c.posting(api.PathToken, form), false)
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
