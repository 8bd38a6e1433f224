package httpapi_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// inspected fails a test whose requests to Stack Exchange have a query.
type inspected struct {
	*testing.T
	*stackExchange
}

// RoundTrip implements [http.RoundTripper].
func (i inspected) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.RawQuery != "" {
		i.Errorf("%s %s has the query %q", r.Method, r.URL.Path, r.URL.RawQuery)
	}
	if authorization := r.Header.Get("Authorization"); r.Method == http.MethodGet && authorization != "Bearer live" {
		i.Errorf("%s %s has the Authorization %q", r.Method, r.URL.Path, authorization)
	}
	return i.stackExchange.RoundTrip(r)
}

// TestServerSendsNoCredentialInAQuery has the server do all that it asks Stack
// Exchange for.
func TestServerSendsNoCredentialInAQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &stackExchange{}
		l := newLimited(t, inMemory(), defaults(), "", inspected{t, u})
		if status, body := l.signIn(alice, "live"); status != http.StatusOK {
			t.Errorf("the code grant: %d %s", status, body)
		}
		poll := l.deviceUpToToken(alice, "live")
		time.Sleep(5 * time.Second)
		if w := poll(); w.Code != http.StatusOK {
			t.Errorf("the device grant: %d %s", w.Code, w.Body)
		}
		if w := l.from(alice, "/oauth/revoke", "token=live"); w.Code != http.StatusOK {
			t.Errorf("revocation: %d %s", w.Code, w.Body)
		}
		if all, _ := u.called(); all != 3 {
			t.Errorf("Stack Exchange was called %d times, want 3", all)
		}
	})
}
