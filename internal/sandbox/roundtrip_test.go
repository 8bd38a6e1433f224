package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/desktop-stack-serv/dss/test/outage"
)

// trip sends a request to a sandbox without a connection.
func trip(ctx context.Context, t *testing.T, s *outage.Sandbox, form string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "POST", "https://anywhere.invalid/sandbox/oauth/access_token/json", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return (&http.Client{Transport: s}).Do(r)
}

// TestRoundTrip: a sandbox that answers without a connection answers as over
// one, faults included, and leaves nothing behind.
func TestRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := outage.New()
		response, err := trip(t.Context(), t, s, "client_id=7&code=nonsense")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.Status != "400 Bad Request" || !bytes.Contains(body, []byte(`"error"`)) || response.Header.Get("X-DSS-Sandbox") != "1" {
			t.Errorf("%s %v %s, %v", response.Status, response.Header, body, err)
		}

		s.SetFault(outage.ClassToken, outage.Fault{Kind: outage.Huge})
		if response, err = trip(t.Context(), t, s, ""); err != nil {
			t.Fatal(err)
		}
		if n, err := io.CopyN(io.Discard, response.Body, 1<<20); err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		response.Body.Close()

		ctx, leave := context.WithCancel(t.Context())
		if response, err = trip(ctx, t, s, ""); err != nil {
			t.Fatal(err)
		}
		leave()
		synctest.Wait()
		if _, err := io.Copy(io.Discard, response.Body); !errors.Is(err, context.Canceled) {
			t.Errorf("an answer of which the client has gone away: %v", err)
		}

		s.SetFault(outage.ClassToken, outage.Fault{Kind: outage.Hang})
		ctx, leave = context.WithCancel(t.Context())
		go func() {
			synctest.Wait()
			leave()
		}()
		if _, err := trip(ctx, t, s, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("hang: %v", err)
		}
		synctest.Wait()
	})
}
