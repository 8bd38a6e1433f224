package certs

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/acme"
)

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unreachable := fmt.Errorf("account: %w", errors.New("connection refused"))
		broken := &acme.Error{StatusCode: http.StatusServiceUnavailable}
		refused := fmt.Errorf("http-01: %w", &acme.AuthorizationError{})
		limited := &acme.Error{StatusCode: http.StatusTooManyRequests, ProblemType: "urn:ietf:params:acme:error:rateLimited"}
		later := &acme.Error{StatusCode: http.StatusTooManyRequests, ProblemType: limited.ProblemType, Header: http.Header{"Retry-After": {"90000"}}}
		much := &acme.Error{StatusCode: http.StatusTooManyRequests, ProblemType: limited.ProblemType, Header: http.Header{"Retry-After": {"900000"}}}
		var p pause
		for i, step := range []struct {
			err  error
			wait time.Duration
		}{
			{unreachable, 5 * time.Second}, {broken, 10 * time.Second}, {unreachable, 20 * time.Second},
			{refused, 15 * time.Minute}, {&acme.OrderError{}, 30 * time.Minute}, {limited, time.Hour}, {later, 24 * time.Hour},
			{much, 24 * time.Hour}, {refused, 6 * time.Hour}, {refused, 6 * time.Hour},
			{unreachable, 5 * time.Second},
		} {
			if got := p.failed(step.err); got != step.wait {
				t.Errorf("step %d: %v, want %v", i, got, step.wait)
			}
			if left := time.Until(p.until); left != step.wait {
				t.Errorf("step %d: the pause ends in %v", i, left)
			}
			time.Sleep(step.wait)
		}
		for range 100 {
			p.failed(unreachable)
		}
		if got := p.failed(unreachable); got != 10*time.Minute {
			t.Errorf("at last: %v", got)
		}
	})
}

func TestHostName(t *testing.T) {
	for _, name := range []string{"a.b", "auth.example.org", "7.auth.example.org", "xn--bcher-kva.example", "1.2.3.4.example"} {
		if !HostName(name) {
			t.Errorf("%q is none", name)
		}
	}
	for _, name := range []string{
		"", ".", "localhost", "a..b", ".a.b", "a.b.", "-a.b", "a-.b", "a_b.c", "A.b", "a b.c", "*.a.b", "a/b.c", "é.b", "a.b\n",
		"192.0.2.1", "[::1]", "a.b:80", "a.localhost",
		strings.Repeat("a", 64) + ".b", strings.Repeat("abcdefg.", 32) + "b",
	} {
		if HostName(name) {
			t.Errorf("%q is one", name)
		}
	}
}
