package fetch_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/fetch"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func do(t *testing.T, reply roundTrip, secrets ...secret.Text) (*fetch.Answer, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://auth.example.org/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return fetch.Over(reply).Do(request, time.Minute, secrets...)
}

// TestSecretsInHeaders wants none of them in what describes an answer.
func TestSecretsInHeaders(t *testing.T) {
	const canary = "canary((1))"
	a, err := do(t, func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 503, Body: http.NoBody, Header: http.Header{
			"Server": {"x " + canary}, "X-Request-Id": {canary}, "Content-Type": {"text/html"},
		}}, nil
	}, secret.New(canary))
	if err != nil {
		t.Fatal(err)
	}
	const want = "auth.example.org answers 503 Service Unavailable with text/html (Server: x [redacted], request [redacted])"
	if a.String() != want || a.RequestID() != secret.Redacted || a.Clean("no\x00 "+canary) != "no [redacted]" {
		t.Errorf("%v, request %s", a, a.RequestID())
	}
}

func TestSize(t *testing.T) {
	for size, want := range map[int]int{0: 0, 64 << 10: 64 << 10, 64<<10 + 1: 0} {
		a, err := do(t, func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(strings.Repeat(" ", size)))}, nil
		})
		if err != nil || len(a.Body) != want {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// TestSent: a request without a connection has not arrived.
func TestSent(t *testing.T) {
	for cause, want := range map[error]fetch.Error{
		&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}: {Reason: "dial: connection refused"},
		&net.OpError{Op: "read", Err: syscall.ECONNRESET}:   {Reason: "read: connection reset by peer", Sent: true},
		errors.New("malformed HTTP response"):               {Sent: true},
	} {
		_, err := do(t, func(*http.Request) (*http.Response, error) { return nil, cause })
		got, ok := errors.AsType[*fetch.Error](err)
		if !ok || got.Reason != want.Reason || got.Sent != want.Sent || !errors.Is(err, cause) {
			t.Errorf("%v: %#v", cause, err)
		}
	}
}

// TestRetryAfter: a date counts by the clock of the server, if that says what it is.
func TestRetryAfter(t *testing.T) {
	for name, tt := range map[string]struct {
		retryAfter, date string
		want             time.Duration
	}{
		"none":                {"", "", 0},
		"seconds":             {"7", "", 7 * time.Second},
		"a clock that is off": {"Sat, 01 Jan 2000 00:00:09 GMT", "Sat, 01 Jan 2000 00:00:02 GMT", 7 * time.Second},
		"a date in the past":  {"Sat, 01 Jan 2000 00:00:09 GMT", "", 0},
		"words":               {"later", "Sat, 01 Jan 2000 00:00:02 GMT", 0},
	} {
		a, err := do(t, func(*http.Request) (*http.Response, error) {
			header := http.Header{"Retry-After": {tt.retryAfter}, "Date": {tt.date}}
			return &http.Response{StatusCode: 429, Body: http.NoBody, Header: header}, nil
		})
		if err != nil || a.RetryAfter() != tt.want {
			t.Errorf("%s: %v, %v, want %v", name, a.RetryAfter(), err, tt.want)
		}
	}
}
