package httpapi_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// plain is the plain HTTP side of a server at publicURL with the app hosts 7
// and inbox, or all.
func plain(t *testing.T, publicURL, apps string, challenge httpapi.Challenge) (http.Handler, *buffer) {
	t.Helper()
	public, err := url.Parse(publicURL)
	if err != nil {
		t.Fatal(err)
	}
	store, log := inMemory(), &buffer{}
	server, err := httpapi.New(sealed.NewVault(store), httpapi.Config{
		PublicURL: public, AppHosts: strings.Split(apps, ","), Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return server.PlainHandler(challenge), log
}

func get(handler http.Handler, method, target, host string) *http.Response {
	request := httptest.NewRequest(method, "/", nil)
	request.URL, _ = url.ParseRequestURI(target)
	request.RequestURI, request.Host = target, host
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer.Result()
}

func TestPlainRedirects(t *testing.T) {
	handler, log := plain(t, "https://auth.example.org", "7,inbox", nil)
	elsewhere, _ := plain(t, "https://auth.example.org:8443", "all", nil)
	local, _ := plain(t, "https://[::1]", "", nil)
	for _, c := range []struct {
		handler              http.Handler
		method, target, host string
		location             string
	}{
		{handler, "GET", "/", "auth.example.org", "https://auth.example.org/#"},
		{handler, "GET", "/auth/redirect?code=CANARY&state=CANARY", "auth.example.org", "https://auth.example.org/auth/redirect#"},
		{handler, "HEAD", "/device", "AUTH.example.org:80", "https://auth.example.org/device#"},
		{handler, "POST", "/auth/token?wait=60", "auth.example.org:5002", "https://auth.example.org/auth/token#"},
		{handler, "GET", "/a%2Fb%0d%0aX:%20y", "inbox.auth.example.org", "https://inbox.auth.example.org/a%2Fb%0d%0aX:%20y#"},
		{handler, "GET", "/é%0d%0aX:", "inbox.auth.example.org", "https://inbox.auth.example.org/%C3%A9%0D%0AX:#"},
		{handler, "GET", "/.well-known/acme-challenge/token", "auth.example.org", "https://auth.example.org/.well-known/acme-challenge/token#"},
		{elsewhere, "GET", "/device?user_code=CANARY", "auth.example.org", "https://auth.example.org:8443/device#"},
		{elsewhere, "GET", "/", "any.auth.example.org:80", "https://any.auth.example.org:8443/#"},
		{local, "GET", "/", "[::1]:80", "https://[::1]/#"},
		{local, "GET", "/", "[::1]", "https://[::1]/#"},
	} {
		response := get(c.handler, c.method, c.target, c.host)
		if response.StatusCode != http.StatusPermanentRedirect || response.Header.Get("Location") != c.location {
			t.Errorf("%s %s at %s: %s to %s", c.method, c.target, c.host, response.Status, response.Header.Get("Location"))
		}
		checkPlainHeaders(t, response)
	}
	if strings.Contains(log.String(), "CANARY") || !strings.Contains(log.String(), "status=308") {
		t.Errorf("the log:\n%s", log.String())
	}
}

// checkPlainHeaders wants those of every answer, and none that is not for
// plain HTTP (RFC 6797 §7.2).
func checkPlainHeaders(t *testing.T, response *http.Response) {
	t.Helper()
	names := []string{"Content-Security-Policy", "X-Content-Type-Options"}
	if response.Header.Get("Content-Type") != "application/json" {
		names = append(names, "Referrer-Policy", "X-Frame-Options", "Permissions-Policy")
	}
	for _, name := range names {
		if response.Header.Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
	if response.Header.Get("Cache-Control") != "no-store" || response.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("headers: %v", response.Header)
	}
}

func TestPlainRefuses(t *testing.T) {
	challenge := func(context.Context, string) ([]byte, bool, error) { return []byte("answer"), true, nil }
	handler, _ := plain(t, "https://auth.example.org", "7", challenge)
	for _, c := range []struct {
		target, host string
		status       int
	}{
		{"/", "evil.example", http.StatusMisdirectedRequest},
		{"/", "", http.StatusMisdirectedRequest},
		{"/", "8.auth.example.org", http.StatusMisdirectedRequest},
		{"/", "auth.example.org.evil.example", http.StatusMisdirectedRequest},
		{"/", "auth.example.org@evil.example", http.StatusMisdirectedRequest},
		{"/healthz", "192.0.2.1", http.StatusMisdirectedRequest},
		{"/.well-known/acme-challenge/token", "evil.example", http.StatusMisdirectedRequest},
		{"http://evil.example/", "auth.example.org", http.StatusBadRequest},
		{"//evil.example/", "auth.example.org", http.StatusNotFound},
		{"/a/../b", "auth.example.org", http.StatusNotFound},
	} {
		response := get(handler, "GET", c.target, c.host)
		if response.StatusCode != c.status || response.Header.Get("Location") != "" {
			t.Errorf("%s at %s: %s to %q", c.target, c.host, response.Status, response.Header.Get("Location"))
		}
		checkPlainHeaders(t, response)
	}
}

func TestPlainAnswersChallenges(t *testing.T) {
	handler, log := plain(t, "https://auth.example.org", "7", func(_ context.Context, token string) ([]byte, bool, error) {
		if token == "trouble" {
			return nil, false, errors.New("out of order")
		}
		return []byte("token.CANARY"), token == "token", nil
	})
	for target, want := range map[string]struct {
		status int
		body   string
	}{
		"token":       {http.StatusOK, "token.CANARY"},
		"other":       {http.StatusNotFound, "no such challenge"},
		"trouble":     {http.StatusServiceUnavailable, "try again"},
		"token/":      {http.StatusPermanentRedirect, ""},
		"token/other": {http.StatusPermanentRedirect, ""},
		"":            {http.StatusPermanentRedirect, ""},
	} {
		response := get(handler, "GET", "/.well-known/acme-challenge/"+target, "7.auth.example.org:80")
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != want.status || !strings.Contains(string(body), want.body) {
			t.Errorf("%q: %s %s", target, response.Status, body)
		}
		checkPlainHeaders(t, response)
	}
	if strings.Contains(log.String(), "CANARY") {
		t.Errorf("the log:\n%s", log.String())
	}
}
