package dss

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/fetch"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// The times of a request. A bound key can be claimed again for a minute after
// an answer that was lost. Two requests that get no answer, and the pauses
// behind them, fit in it, so that the third still gets the lost answer.
const (
	waitSeconds = 20               // how long the server is asked to hold a claim
	answerTime  = 25 * time.Second // for a request and its answer
	probeTime   = 15 * time.Second // for the metadata, which a user waits for
	endTime     = 3 * time.Second  // for what is under way when a sign-in is given up
)

// answer has all fields that an answer of a server may have.
type answer struct {
	status     int
	retryAfter time.Duration
	requestID  string
	described  string // without the body

	AccessToken string          `json:"access_token"`
	Code        string          `json:"code"`
	Scope       json.RawMessage `json:"scope"`

	RelayError   string `json:"error_name"`
	RelayMessage string `json:"error_message"`
	OAuthError   string `json:"error"`
	OAuthMessage string `json:"error_description"`

	api.DeviceAuthorization
}

// post sends a form to the server. Errors are those of send, or an
// [ErrUnreachable] for an answer that is not JSON.
func (c *Client) post(ctx context.Context, path string, form url.Values) (*answer, error) {
	target := c.server.JoinPath(path)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var secrets []secret.Text
	for _, name := range []string{"key", "verifier", "code", "code_verifier", "device_code", "token"} {
		secrets = append(secrets, secret.New(form.Get(name)))
	}
	got, err := c.send(request, answerTime, secrets...)
	if err != nil {
		return nil, err
	}
	a := &answer{status: got.Status, retryAfter: retryAfter(got), requestID: got.RequestID(), described: got.String()}
	if json.Unmarshal(got.Body, a) != nil && !isBusy(a.status) {
		return nil, unusable(a.described + ", not as it should")
	}
	for _, text := range []*string{&a.RelayError, &a.RelayMessage, &a.OAuthError, &a.OAuthMessage} {
		*text = got.Clean(*text)
	}
	return a, nil
}

// send returns an answer. Errors are an [ErrUnreachable] that wraps a
// [*fetch.Error], or the context's cause.
func (e endpoints) send(r *http.Request, limit time.Duration, secrets ...secret.Text) (*fetch.Answer, error) {
	a, err := e.fetch.Do(r, limit, secrets...)
	if broken, ok := errors.AsType[*fetch.Error](err); ok {
		return nil, unreachable(broken)
	}
	return a, err
}

// retryAfter is what an answer says, up to a minute.
func retryAfter(a *fetch.Answer) time.Duration {
	return min(a.RetryAfter().Round(time.Second), time.Minute)
}

// isBusy reports whether the same request may succeed later.
func isBusy(status int) bool { return status == http.StatusTooManyRequests || status >= 500 }

// err returns an answer as an error.
func (a *answer) err() error {
	name, message := a.problem()
	switch {
	case a.status == http.StatusOK:
		return newError(a.status, "", "", a.requestID) // it lacks what was asked for
	case a.status == http.StatusTooManyRequests:
		return &ThrottledError{a.retryAfter}
	case a.status >= 500:
		return unusable(a.described)
	case name == api.AccessDenied:
		return ErrAccessDenied
	case name == api.KeyConflict:
		return ErrConflict
	case name == api.ExpiredToken:
		return ErrExpired
	case name == "":
		message = a.described + ", not as it should"
	}
	return newError(a.status, name, message, a.requestID)
}

// problem returns the error in an answer, as the server names it.
func (a *answer) problem() (name, message string) {
	return cmp.Or(a.RelayError, a.OAuthError), cmp.Or(a.RelayMessage, a.OAuthMessage)
}

// Delays between tries.
const (
	firstDelay = time.Second
	lastDelay  = 15 * time.Second
)

// maxRepeats is how often a request with an effect is repeated after its answer
// did not come.
const maxRepeats = 2

// attempt sends a request of a sign-in.
type attempt func(context.Context) (*answer, error)

// posting sends a form to the server.
func (c *Client) posting(path string, form url.Values) attempt {
	return func(ctx context.Context) (*answer, error) { return c.post(ctx, path, form) }
}

// patient has an attempt outlive its context by endTime: its answer may be a token, or
// a device code, that would be left behind.
func patient(try attempt) attempt {
	return func(ctx context.Context) (*answer, error) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
		defer cancel(nil)
		defer context.AfterFunc(ctx, func() {
			time.AfterFunc(endTime, func() { cancel(context.Cause(ctx)) })
		})()
		return try(longer)
	}
}

// persist repeats a request until it has an answer that counts, unlike a broken
// connection, a restart or a throttle. The last of those is the error when the
// sign-in expires. If once is set, the request works once, as the redemption of a
// code does. If its answer is lost, it is repeated at most
// maxRepeats times, as the server may not have received it; a repetition that is
// refused means that the first one had its effect.
func (c *Client) persist(ctx context.Context, delay time.Duration, try attempt, once bool) (*answer, error) {
	var trouble, lost error
	repeats := 0
	for longest := max(delay, lastDelay); ; delay = min(2*delay, longest) {
		a, err := try(ctx)
		switch {
		case err == nil && !isBusy(a.status):
			if lost != nil && a.spent(once) {
				return nil, answerLost(lost)
			}
			return a, nil
		case ctx.Err() != nil:
			return nil, lasted(ctx, trouble)
		}
		pause, doubtful := delay, true
		if err == nil {
			name, _ := a.problem() // proxies do not name errors
			err, pause, doubtful = a.err(), max(a.retryAfter, delay), name == ""
		} else if broken, ok := errors.AsType[*fetch.Error](err); ok && !broken.Sent {
			doubtful = false
		} else if ok && once {
			if repeats++; repeats > maxRepeats {
				return nil, answerLost(err)
			}
		}
		if doubtful {
			lost = err
		}
		trouble = err
		if !sleep(ctx, pause) {
			return nil, lasted(ctx, trouble)
		}
	}
}

// spent reports whether an answer says that a code or a device code is not valid
// any more.
func (a *answer) spent(once bool) bool {
	name, _ := a.problem()
	return name == api.InvalidGrant || once && name == api.InvalidRequest // Stack Exchange's word for it
}

// lasted returns the error when ctx has ended: the last trouble if the sign-in
// has expired, otherwise the cause.
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
