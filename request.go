package dss

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 10

// answer is what any of the servers may say.
type answer struct {
	status     int
	retryAfter time.Duration
	requestID  string
	described  string // without the body

	AccessToken string          `json:"access_token"`
	Code        string          `json:"code"`
	Expires     int64           `json:"expires"` // Stack Exchange's word for expires_in
	Scope       json.RawMessage `json:"scope"`

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
	response, body, err := c.send(request, answerTime)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		body = redact(body, form)
	}
	a := &answer{
		status: response.StatusCode, retryAfter: retryAfter(response.Header), requestID: requestID(response.Header),
		described: describe(response),
	}
	if json.Unmarshal(body, a) != nil && !a.busy() {
		return nil, unreachableBecause(a.described + ", not as it should")
	}
	return a, nil
}

// send returns an answer whose body has been read, as far as that is bounded:
// what a compressed one unpacks to counts. After a connection that failed, the
// next request gets a new one: others of its age may be as dead.
func (c *Client) send(request *http.Request, limit time.Duration) (*http.Response, []byte, error) {
	request.Header.Set("Accept", "application/json")
	ctx := request.Context()
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var way trace
	response, err := c.http.Do(request.WithContext(way.follow(limited)))
	var body []byte
	if err == nil {
		defer response.Body.Close()
		body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	}
	if err != nil {
		c.http.CloseIdleConnections()
		return nil, nil, unreachable(ctx, err, request.URL.Host, way.sent(err))
	}
	return response, body, nil
}

// redact takes what was sent out of an answer that repeats it.
func redact(body []byte, form url.Values) []byte {
	for _, name := range []string{"key", "verifier", "code", "code_verifier", "device_code"} {
		if sent := form.Get(name); sent != "" {
			body = bytes.ReplaceAll(body, []byte(sent), []byte(secret.Redacted))
		}
	}
	return body
}

// retryAfter reads whole seconds or a date (RFC 9110 section 10.2.3), up to a
// minute.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	delay := time.Minute
	if seconds, err := strconv.Atoi(text); err == nil {
		delay = time.Duration(min(seconds, 60)) * time.Second
	} else if date, err := http.ParseTime(text); err == nil {
		delay = time.Until(date).Round(time.Second)
	} else if strings.Trim(text, "0123456789") != "" || text == "" {
		return 0
	}
	return min(max(delay, 0), time.Minute)
}

// busy reports whether the same request may succeed later.
func (a *answer) busy() bool { return a.status == http.StatusTooManyRequests || a.status >= 500 }

// err is the error that an answer stands for.
func (a *answer) err() error {
	name, message := a.problem()
	switch {
	case a.status == http.StatusOK:
		return newError(a.status, "", "", a.requestID) // it lacks what was asked for
	case a.status == http.StatusTooManyRequests:
		return &ThrottledError{a.retryAfter}
	case a.status >= 500:
		return unreachableBecause(a.described)
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

// problem is the error in an answer, in the words of whoever answered.
func (a *answer) problem() (name, message string) {
	if a.RelayError != "" {
		return a.RelayError, a.RelayMessage
	}
	return a.oauthError()
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

// maxRepeats is how often a request with an effect is repeated after its answer
// did not come.
const maxRepeats = 2

// persist posts a form until it has an answer that counts: not a broken
// connection, a restart or a throttle. The last of those is the error when the
// sign-in expires. If once is set, the request has an effect that it has once,
// such as the redemption of a code. It is repeated all the same where the answer
// did not come, as it may not have been received; but not for long, and a
// repetition that is refused means that the first one had its effect.
func (c *Client) persist(
	ctx context.Context, delay time.Duration, target *url.URL, form url.Values, once bool,
) (*answer, error) {
	var trouble, lost error
	repeats := 0
	for longest := max(delay, lastDelay); ; delay = min(2*delay, longest) {
		a, err := c.post(ctx, target, form)
		switch {
		case err == nil && !a.busy():
			if lost != nil && a.spent(once) {
				return nil, &lostError{lost}
			}
			return a, nil
		case ctx.Err() != nil:
			return nil, lasted(ctx, trouble)
		}
		pause, doubtful := delay, true
		if err == nil {
			name, _ := a.problem() // no proxy has words of its own here
			err, pause, doubtful = a.err(), max(a.retryAfter, delay), name == ""
		} else if broken, ok := errors.AsType[*connectionError](err); ok && !broken.sent {
			doubtful = false
		} else if ok && once {
			if repeats++; repeats > maxRepeats {
				return nil, &lostError{err}
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

// spent reports whether an answer says that a code, of a device or not, is not
// good any more.
func (a *answer) spent(once bool) bool {
	name, _ := a.problem()
	return name == api.InvalidGrant || once && name == api.InvalidRequest // Stack Exchange's word for it
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
