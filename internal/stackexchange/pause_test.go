package stackexchange_test

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// TestPauses: whatever the answer is, and wherever it says so.
func TestPauses(t *testing.T) {
	for name, tt := range map[string]struct {
		status     int
		backoff    string
		retryAfter string
		date       time.Duration // Retry-After is a date as far away
		want       time.Duration
	}{
		"seconds":               {status: 200, backoff: "10", want: 10 * time.Second},
		"a fraction":            {status: 200, backoff: "1.5", want: 1500 * time.Millisecond},
		"with an error":         {status: 400, backoff: "10", want: 10 * time.Second},
		"with an outage":        {status: 503, backoff: "10", want: 10 * time.Second},
		"capped":                {status: 200, backoff: "86400", want: time.Hour},
		"capped, too big":       {status: 200, backoff: "1e999", want: time.Hour},
		"zero":                  {status: 200, backoff: "0"},
		"negative":              {status: 200, backoff: "-5"},
		"no number":             {status: 200, backoff: `"NaN"`},
		"a string":              {status: 200, backoff: `"10"`, want: 10 * time.Second},
		"a list":                {status: 200, backoff: `[10]`},
		"Retry-After":           {status: 429, backoff: "0", retryAfter: "30", want: 30 * time.Second},
		"Retry-After, 503":      {status: 503, backoff: "0", retryAfter: "30", want: 30 * time.Second},
		"Retry-After, 400":      {status: 400, backoff: "0", retryAfter: "30", want: 30 * time.Second},
		"a date":                {status: 429, backoff: "0", date: time.Minute, want: time.Minute},
		"a date of yesterday":   {status: 429, backoff: "0", date: -time.Hour},
		"capped, Retry-After":   {status: 429, backoff: "0", retryAfter: "18446744073709551615", want: time.Hour},
		"too long for a number": {status: 429, backoff: "0", retryAfter: "99999999999999999999"},
		"capped, a date":        {status: 429, backoff: "0", date: 48 * time.Hour, want: time.Hour},
		"nonsense":              {status: 429, backoff: "0", retryAfter: "soon"},
		"the longer one":        {status: 429, backoff: "10", retryAfter: "5", want: 10 * time.Second},
		"of a success":          {status: 200, backoff: "0", retryAfter: "30"},
	} {
		for method, call := range methods {
			t.Run(name+"/"+method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					calls := 0
					c := clientOf(t, "http://upstream.invalid", roundTrip(func(*http.Request) (*http.Response, error) {
						calls++
						if calls > 1 {
							return response(200, `{"access_token":"t","items":[]}`), nil
						}
						r := response(tt.status, `{"access_token":"t","items":[],"backoff":`+tt.backoff+`}`)
						r.Header.Set("Retry-After", tt.retryAfter)
						if tt.date != 0 {
							r.Header.Set("Retry-After", time.Now().Add(tt.date).UTC().Format(http.TimeFormat))
						}
						return r, nil
					}))
					_ = call(t.Context(), c) // some are errors; here only the pause counts
					if tt.want > 0 {
						time.Sleep(tt.want - time.Nanosecond)
						err := call(t.Context(), c)
						checkUnavailable(t, err)
						paused, ok := errors.AsType[*stackexchange.PausedError](err)
						if !ok || paused.Left != 1 || !errors.Is(err, stackexchange.ErrUnsent) {
							t.Errorf("error %v does not tell of the pause", err)
						}
						time.Sleep(time.Nanosecond)
					}
					if err := call(t.Context(), c); err != nil || calls != 2 {
						t.Errorf("after the pause: %v, %d calls; want 2", err, calls)
					}
				})
			})
		}
	}
}

// TestPauseHoldsForThoseThatWait: it may begin while a call waits for its turn.
func TestPauseHoldsForThoseThatWait(t *testing.T) {
	for method, call := range methods {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var all atomic.Int64
				open := make(chan struct{})
				c := clientOf(t, "http://upstream.invalid", roundTrip(func(*http.Request) (*http.Response, error) {
					all.Add(1)
					<-open
					return response(200, `{"access_token":"t","items":[],"backoff":50}`), nil
				}))
				var calls sync.WaitGroup
				for range 50 {
					calls.Go(func() { _ = call(t.Context(), c) })
				}
				time.Sleep(120 * time.Millisecond)
				close(open)
				calls.Wait()
				if all.Load() != 3 {
					t.Errorf("%d calls, want the 3 of before the pause", all.Load())
				}
			})
		})
	}
}
