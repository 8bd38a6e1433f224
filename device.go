package dss

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/display"
)

// maxExpiresIn bounds how long a server may make a device wait, in seconds.
const maxExpiresIn = 24 * 60 * 60

func (c *Client) startDevice(ctx context.Context) (*SignIn, error) {
	a, err := patient(c.posting(api.PathDeviceAuthorization, c.request()))(ctx)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK || a.DeviceCode == "" {
		return nil, a.err()
	}
	expires := time.Duration(min(a.ExpiresIn, maxExpiresIn)) * time.Second
	if expires <= 0 {
		expires = api.DefaultTTL
	}
	s := &SignIn{
		Flow: FlowDevice, URL: cmp.Or(a.VerificationURIComplete, a.VerificationURI), UserCode: display.Clean(a.UserCode),
		VerificationURL: a.VerificationURI, Expires: time.Now().Add(expires),
	}
	interval := pollInterval(a.Interval)
	s.wait = func(ctx context.Context) (*Token, error) { return c.poll(ctx, a.DeviceCode, interval) }
	c.endsBy(s, a.DeviceCode)
	return s, nil
}

// pollInterval is 5 s by default (RFC 8628 section 3.2).
func pollInterval(seconds int64) time.Duration {
	if seconds <= 0 {
		seconds = 5
	}
	return time.Duration(min(seconds, 60)) * time.Second
}

// slowDown is what every slow_down adds to the interval (RFC 8628 section
// 3.5).
const slowDown = 5 * time.Second

// poll asks for the token every interval, and less often while that fails
// (RFC 8628 section 3.5).
func (c *Client) poll(ctx context.Context, deviceCode string, interval time.Duration) (*Token, error) {
	form := url.Values{"grant_type": {api.GrantDeviceCode}, "client_id": {c.config.ClientID}, "device_code": {deviceCode}}
	for sleep(ctx, interval) {
		a, err := c.persist(ctx, 2*interval, patient(c.posting(api.PathOAuthToken, form)), false)
		if err != nil {
			return nil, err
		}
		if a.status == http.StatusOK && a.AccessToken != "" {
			return c.newToken(a), nil
		}
		switch a.OAuthError {
		case api.AuthorizationPending:
		case api.SlowDown:
			interval += slowDown
		default:
			return nil, a.err()
		}
	}
	return nil, context.Cause(ctx)
}
