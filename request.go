package dss

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
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
func (c *Client) post(ctx context.Context, target *url.URL, form url.Values) (*answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, body, err := c.send(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		body = redact(body, form)
	}
	a := &answer{status: response.StatusCode, retryAfter: retryAfter(response.Header)}
	if json.Unmarshal(body, a) != nil && a.status < 500 && a.status != http.StatusTooManyRequests {
		return nil, fmt.Errorf("%w: %s answers %d with something other than JSON", ErrUnreachable, request.URL.Host, a.status)
	}
	return a, nil
}

// send returns an answer whose body has been read, as far as that is bounded:
// what a compressed one unpacks to counts.
func (c *Client) send(request *http.Request) (*http.Response, []byte, error) {
	request.Header.Set("Accept", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return nil, nil, unreachable(request.Context(), err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, nil, unreachable(request.Context(), err)
	}
	return response, body, nil
}

// redact takes what was sent out of an answer that repeats it.
func redact(body []byte, form url.Values) []byte {
	for _, name := range []string{"key", "verifier", "code", "code_verifier", "device_code"} {
		if secret := form.Get(name); secret != "" {
			body = bytes.ReplaceAll(body, []byte(secret), []byte(redacted))
		}
	}
	return body
}

// unreachable leaves a context's error as it is.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) { // the HTTP client's, which is not the caller's
		return fmt.Errorf("%w: no answer in time", ErrUnreachable)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return &connectionError{err}
}

// connectionError is an [ErrUnreachable] with its cause.
type connectionError struct{ cause error }

func (e *connectionError) Error() string {
	if text := describe(e.cause); text != "" {
		return fmt.Sprintf("%v: %s", ErrUnreachable, text)
	}
	return ErrUnreachable.Error()
}

// describe says what is wrong with the network, if that is what is wrong: any
// other error may quote what was sent or received.
func describe(err error) string {
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		return operation.Error()
	}
	if lookup, ok := errors.AsType[*net.DNSError](err); ok {
		return lookup.Error()
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return certificate.Error()
	}
	for _, known := range []error{io.ErrUnexpectedEOF, io.EOF, http.ErrSchemeMismatch, os.ErrDeadlineExceeded} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return ""
}

func (e *connectionError) Unwrap() []error { return []error{ErrUnreachable, e.cause} }

// retryAfter reads whole seconds, up to a minute.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 1 {
		return 0
	}
	return time.Duration(min(seconds, 60)) * time.Second
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
	case a.status == http.StatusOK:
		return &Error{Status: a.status} // it lacks what was asked for
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

// persist posts a form until it has an answer that counts: not a broken
// connection, a restart or a throttle. The last of those is the error when the
// sign-in expires.
func (c *Client) persist(ctx context.Context, delay time.Duration, target *url.URL, form url.Values) (*answer, error) {
	var trouble error
	for longest := max(delay, lastDelay); ; delay = min(2*delay, longest) {
		a, err := c.post(ctx, target, form)
		switch {
		case err == nil && !a.busy():
			return a, nil
		case ctx.Err() != nil:
			return nil, lasted(ctx, trouble)
		}
		pause := delay
		if err == nil {
			err, pause = a.err(), max(a.retryAfter, delay)
		}
		trouble = err
		if !sleep(ctx, pause) {
			return nil, lasted(ctx, trouble)
		}
	}
}

// lasted is what to tell when time ran out while something was wrong: that,
// unless the caller gave up.
func lasted(ctx context.Context, trouble error) error {
	if trouble != nil && errors.Is(context.Cause(ctx), ErrExpired) {
		return trouble
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
