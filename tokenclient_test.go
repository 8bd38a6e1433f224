package dss_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/sandbox"
)

const someToken = "aSecret))"

// apiOf serves one answer to everything, compressed as always.
func apiOf(t *testing.T, status int, body string) *dss.TokenClient {
	t.Helper()
	return apiAt(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+someToken {
			t.Errorf("Authorization is %q", r.Header.Get("Authorization"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(status)
		compressor := gzip.NewWriter(w)
		_, _ = io.WriteString(compressor, body)
		_ = compressor.Close()
	})
}

func apiAt(t *testing.T, handler http.HandlerFunc) *dss.TokenClient {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	client, err := dss.NewTokenClient(dss.Config{API: server.URL + "/2.3"})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestInspect(t *testing.T) {
	const item = `{"account_id":7,"expires_on_date":1753700932,"scope":["write_access"],"display_name":"O&#39;Brien"}`
	info, err := apiOf(t, 200, `{"items":[`+item+`]}`).Inspect(t.Context(), someToken)
	if err != nil || info.AccountID != 7 || info.DisplayName != "O'Brien" || info.Scopes[0] != "write_access" ||
		!info.Expires.Equal(time.Unix(1753700932, 0)) {
		t.Errorf("%+v: %v", info, err)
	}
	info, err = apiOf(t, 200, `{"items":[{"account_id":7}]}`).Inspect(t.Context(), someToken)
	if err != nil || !info.Expires.IsZero() || info.DisplayName != "" {
		t.Errorf("%+v: %v", info, err)
	}
}

// TestInspectFails checks that no error quotes the token, either.
func TestInspectFails(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"no items":    {200, `{"items":[]}`, dss.ErrInvalidToken},
		"invalid":     {400, `{"error_id":402,"error_name":"invalid_access_token"}`, dss.ErrInvalidToken},
		"compromised": {400, `{"error_id":406,"error_name":"access_token_compromised"}`, dss.ErrInvalidToken},
		"throttled":   {400, `{"error_id":502,"error_name":"throttle_violation","backoff":9}`, dss.ErrThrottled},
		"unavailable": {400, `{"error_id":503,"error_name":"temporarily_unavailable"}`, dss.ErrUnreachable},
		"echo":        {400, `{"error_id":400,"error_name":"bad_parameter","error_message":"ids: ` + someToken + ` aSecret%29%29"}`, nil},
		"a page":      {503, `<html>aSecret))</html>`, dss.ErrUnreachable},
		"not the API": {200, `{}`, dss.ErrUnreachable},
		"an outage":   {500, `{}`, dss.ErrUnreachable},
		"too long":    {200, strings.Repeat(" ", 1<<20) + `{"items":[{"account_id":7}]}`, dss.ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := apiOf(t, c.status, c.body).Inspect(t.Context(), someToken)
			if err == nil || strings.Contains(err.Error(), "aSecret") || (c.want != nil && !errors.Is(err, c.want)) {
				t.Errorf("%v", err)
			}
			if _, known := errors.AsType[*dss.Error](err); c.want == nil && !known {
				t.Errorf("%T", err)
			}
		})
	}
}

func TestAPIConnection(t *testing.T) {
	broken := apiAt(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if _, err := broken.Inspect(t.Context(), someToken); !errors.Is(err, dss.ErrUnreachable) || strings.Contains(err.Error(), "aSecret") {
		t.Errorf("a broken connection: %v", err)
	}
	elsewhere := apiAt(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			t.Errorf("the redirect is followed, with Referer %q", r.Referer())
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	})
	if err := elsewhere.Invalidate(t.Context(), someToken); !errors.Is(err, dss.ErrUnreachable) || strings.Contains(err.Error(), "aSecret") {
		t.Errorf("a redirect: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := broken.Inspect(ctx, someToken); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestBackoffIsKept(t *testing.T) {
	calls := 0
	client := apiAt(t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		_, _ = io.WriteString(w, `{"items":[{"account_id":7}],"backoff":60}`)
	})
	if _, err := client.Inspect(t.Context(), someToken); err != nil {
		t.Fatal(err)
	}
	err := client.Invalidate(t.Context(), someToken)
	throttled, ok := errors.AsType[*dss.ThrottledError](err)
	if !ok || throttled.RetryAfter < 50*time.Second || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestTokensAreChecked(t *testing.T) {
	client := apiAt(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL) })
	for _, token := range []string{"", "a b", "a/b", "a;b", "..", "é", strings.Repeat("a", 4097)} {
		if _, err := client.Inspect(t.Context(), token); !errors.Is(err, dss.ErrInvalidToken) {
			t.Errorf("Inspect(%q): %v", token, err)
		}
		if err := client.Invalidate(t.Context(), token); !errors.Is(err, dss.ErrInvalidToken) {
			t.Errorf("Invalidate(%q): %v", token, err)
		}
	}
}

func TestTokenClient(t *testing.T) {
	if _, err := dss.NewTokenClient(dss.Config{API: "http://example.org"}); err == nil {
		t.Error("plain http is accepted")
	}
	if _, err := dss.NewTokenClient(dss.Config{}); err != nil {
		t.Error(err)
	}
}

// TestSandboxAPI asks a faithful API about a token that nobody has.
func TestSandboxAPI(t *testing.T) {
	server := httptest.NewServer(sandbox.New(sandbox.Config{}))
	defer server.Close()
	client, err := dss.NewTokenClient(dss.Config{API: server.URL + "/sandbox/2.3"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Inspect(t.Context(), someToken); !errors.Is(err, dss.ErrInvalidToken) {
		t.Error(err)
	}
	if err := client.Invalidate(t.Context(), someToken); err != nil {
		t.Error(err)
	}
}
