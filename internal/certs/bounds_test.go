package certs

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
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
		if p.check() != nil {
			t.Error("a pause before anything has failed")
		}
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
			time.Sleep(step.wait - time.Nanosecond)
			if err := p.check(); !errors.Is(err, step.err) {
				t.Errorf("step %d: no pause: %v", i, err)
			}
			time.Sleep(time.Nanosecond)
			if p.check() != nil {
				t.Errorf("step %d: still a pause", i)
			}
		}
		for range 100 {
			p.failed(unreachable)
		}
		if got := p.failed(unreachable); got != 10*time.Minute {
			t.Errorf("at last: %v", got)
		}
	})
}

// TestQuota takes whenever it may: never more in any week, never nothing.
func TestQuota(t *testing.T) {
	for _, most := range []int{4, 40, 1000} {
		synctest.Test(t, func(t *testing.T) {
			q := newQuota(most)
			var taken []time.Time
			atOnce := 0
			for q.take() {
				taken = append(taken, time.Now())
				atOnce++
			}
			if atOnce != most/4 {
				t.Errorf("%d of %d at once", atOnce, most)
			}
			for end := time.Now().Add(4 * week); time.Now().Before(end); time.Sleep(5 * time.Minute) {
				for q.take() {
					taken = append(taken, time.Now())
				}
			}
			for i := range taken {
				if last, _ := slices.BinarySearchFunc(taken, taken[i].Add(week), time.Time.Compare); last-i > most {
					t.Fatalf("%d of %d in a week", last-i, most)
				}
			}
			if least := most * 3; len(taken) < least {
				t.Errorf("only %d in four weeks", len(taken))
			}
			time.Sleep(10 * week)
			atOnce = 0
			for q.take() {
				atOnce++
			}
			if atOnce != most/4 {
				t.Errorf("after a rest %d of %d at once", atOnce, most)
			}
		})
	}
}

func TestHostName(t *testing.T) {
	for _, name := range []string{"a.b", "auth.example.org", "7.auth.example.org", "xn--bcher-kva.example", "1.2.3.4.example"} {
		if !HostName(name) {
			t.Errorf("%q is none", name)
		}
	}
	for _, name := range []string{
		"", ".", "localhost", "a..b", ".a.b", "a.b.", "-a.b", "a-.b", "a_b.c", "A.b", "a b.c", "*.a.b", "a/b.c", "é.b", "a.b\n",
		strings.Repeat("a", 64) + ".b", strings.Repeat("abcdefg.", 32) + "b",
	} {
		if HostName(name) {
			t.Errorf("%q is one", name)
		}
	}
}
