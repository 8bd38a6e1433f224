package dss

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 10

// answer is what any of the servers may say.
type answer struct {
	status     int
	retryAfter time.Duration

	AccessToken string `json:"access_token"`
	Code        string `json:"code"`
	Expires     int64  `json:"expires"` // Stack Exchange's word for expires_in

	RelayError   string          `json:"error_name"`
	RelayMessage string          `json:"error_message"`
	OAuthError   json.RawMessage `json:"error"` // text, or an object from Stack Exchange
	OAuthMessage string          `json:"error_description"`

	api.DeviceAuthorization
}

// post sends a form. Errors are of the connection, or of an answer that is
// none; they never quote what was sent.
func (c *Client) post(ctx context.Context, target string, form url.Values) (*answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	a := &answer{status: response.StatusCode, retryAfter: retryAfter(response.Header)}
	if json.Unmarshal(body, a) != nil && a.status < 500 && a.status != http.StatusTooManyRequests {
		return nil, fmt.Errorf("%w: %s answers %d with something other than JSON", ErrUnreachable, request.URL.Host, a.status)
	}
	return a, nil
}

// unreachable leaves a context's error as it is.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// retryAfter reads whole seconds, up to a minute.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 1 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, time.Minute)
}

// busy reports whether the same request may succeed later.
func (a *answer) busy() bool { return a.status == http.StatusTooManyRequests || a.status >= 500 }

// err is the error that an answer stands for.
func (a *answer) err() error {
	name, message := a.RelayError, a.RelayMessage
	if name == "" {
		name, message = a.oauthError()
	}
	switch {
	case a.status == http.StatusTooManyRequests:
		return &ThrottledError{a.retryAfter}
	case a.status >= 500:
		return fmt.Errorf("%w: it answers %d", ErrUnreachable, a.status)
	case name == api.AccessDenied:
		return ErrAccessDenied
	case name == api.KeyConflict:
		return ErrConflict
	case name == api.ExpiredToken:
		return ErrExpired
	}
	return &Error{a.status, name, message}
}

// oauthError reads both forms: RFC 6749 has a text, Stack Exchange an object.
func (a *answer) oauthError() (name, message string) {
	if json.Unmarshal(a.OAuthError, &name) == nil {
		return name, a.OAuthMessage
	}
	var nested struct{ Type, Message string }
	_ = json.Unmarshal(a.OAuthError, &nested)
	return nested.Type, nested.Message
}

// Delays between tries.
const (
	firstDelay = time.Second
	lastDelay  = 15 * time.Second
)

// persist repeats a request until it has an answer that counts: not a broken
// connection, a restart or a throttle. The last of those is the error when ctx
// ends.
func persist(ctx context.Context, request func() (*answer, error)) (*answer, error) {
	for delay := firstDelay; ; delay = min(2*delay, lastDelay) {
		a, err := request()
		if err == nil && !a.busy() {
			return a, nil
		}
		pause := delay
		if err == nil {
			err, pause = a.err(), max(a.retryAfter, delay)
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !sleep(ctx, pause) {
			return nil, lasted(ctx, err)
		}
	}
}

// lasted is what to tell when time ran out while something was wrong: that,
// unless the caller gave up.
func lasted(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), ErrExpired) {
		return err
	}
	return context.Cause(ctx)
}

// sleep reports false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
