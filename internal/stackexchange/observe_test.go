package stackexchange_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/test/outage"
)

// TestObserve wants each call told once, with its outcome and the quota.
func TestObserve(t *testing.T) {
	fake := outage.New()
	server := httptest.NewServer(fake)
	defer server.Close()
	counted, err := http.PostForm(server.URL+"/sandbox/switches", url.Values{"sandbox_quota": {"counted"}})
	if err != nil {
		t.Fatal(err)
	}
	counted.Body.Close()
	var told []string
	c := stackexchange.New(stackexchange.Config{
		BaseURL: mustParse(t, server.URL+"/sandbox"), APIURL: mustParse(t, server.URL+"/sandbox/2.3"),
		Observe: func(call stackexchange.Call) {
			text := fmt.Sprint(call.Method, " ", call.Outcome)
			if call.Quota != nil {
				text += fmt.Sprint(" ", *call.Quota)
			}
			if call.Took < 0 || call.Took > time.Minute {
				t.Errorf("%s took %v", text, call.Took)
			}
			told = append(told, text)
		},
	})
	invalidate := func() { _, _ = c.Invalidate(t.Context(), secret.New("unknown))")) }
	invalidate()
	_, _ = c.Redeem(t.Context(), stackexchange.Redemption{ClientID: "1", Code: secret.New("nonsense")})
	fake.SetFault(outage.ClassAPI, outage.Fault{Kind: outage.Status, Status: http.StatusBadGateway})
	invalidate()
	if left := c.Paused(stackexchange.MethodInvalidate); left != 0 {
		t.Errorf("paused for %v without a backoff", left)
	}
	fake.SetFault(outage.ClassAPI, outage.Fault{Kind: outage.Backoff, Seconds: 600})
	invalidate()
	invalidate()
	want := "[invalidate ok {9999 10000} redeem refused invalidate unavailable invalidate ok {9998 10000} invalidate paused]"
	if got := fmt.Sprint(told); got != want {
		t.Errorf("told %s\nwant %s", got, want)
	}
	if left := c.Paused(stackexchange.MethodInvalidate); left <= 9*time.Minute || left > 10*time.Minute {
		t.Errorf("paused for %v, want 10m", left)
	}
}

// TestQuotaBelowZero: -1 has been seen.
func TestQuotaBelowZero(t *testing.T) {
	var got *stackexchange.Quota
	c := stackexchange.New(stackexchange.Config{
		Observe: func(call stackexchange.Call) { got = call.Quota },
		Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			return response(200, `{"items":[],"quota_max":300,"quota_remaining":-1}`), nil
		}),
	})
	if _, err := c.Invalidate(t.Context(), secret.New("T")); err != nil {
		t.Fatal(err)
	}
	if got == nil || *got != (stackexchange.Quota{Remaining: 0, Max: 300}) {
		t.Errorf("the quota is %v", got)
	}
}
