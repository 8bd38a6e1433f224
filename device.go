package dss

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/desktop-stack-serv/dss/api"
)

func (c *Client) startDevice(ctx context.Context) (*SignIn, error) {
	form := url.Values{"client_id": {c.config.ClientID}}
	if len(c.config.Scopes) > 0 {
		form.Set("scope", c.scope())
	}
	a, err := c.post(ctx, c.server.JoinPath(api.PathDeviceAuthorization).String(), form)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK || a.DeviceCode == "" {
		return nil, a.err()
	}
	expires := time.Duration(a.ExpiresIn) * time.Second
	if expires <= 0 {
		expires = lifetime
	}
	s := &SignIn{
		Flow: FlowDevice, URL: a.VerificationURIComplete, UserCode: a.UserCode, VerificationURL: a.VerificationURI,
		Expires: time.Now().Add(expires),
	}
	if s.URL == "" {
		s.URL = a.VerificationURI
	}
	interval := max(time.Duration(a.Interval)*time.Second, firstDelay)
	s.wait = func(ctx context.Context) (*Token, error) { return c.poll(ctx, a.DeviceCode, interval) }
	return s, nil
}

// slowDown is what every slow_down adds to the interval (RFC 8628 section
// 3.5).
const slowDown = 5 * time.Second

// poll asks for the token every interval.
func (c *Client) poll(ctx context.Context, deviceCode string, interval time.Duration) (*Token, error) {
	form := url.Values{"grant_type": {api.GrantDeviceCode}, "client_id": {c.config.ClientID}, "device_code": {deviceCode}}
	for sleep(ctx, interval) {
		a, err := persist(ctx, func() (*answer, error) { return c.post(ctx, c.server.JoinPath(api.PathOAuthToken).String(), form) })
		if err != nil {
			return nil, err
		}
		if a.status == http.StatusOK && a.AccessToken != "" {
			return c.newToken(a.AccessToken, a.ExpiresIn), nil
		}
		switch name, _ := a.oauthError(); name {
		case api.AuthorizationPending:
		case api.SlowDown:
			interval += slowDown
		default:
			return nil, a.err()
		}
	}
	return nil, context.Cause(ctx)
}
