package dss_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/desktop-stack-serv/dss"
)

// watched fails a test whose requests have a query, except for the site of the
// API. There is nothing in a query that another request could leak.
type watched struct {
	*testing.T
	requests map[string]int // by method and path; tokens are left out of the path
}

// RoundTrip implements [http.RoundTripper].
func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	if query := r.URL.RawQuery; query != "" && query != "site=stackoverflow" {
		w.Errorf("%s %s has the query %q", r.Method, r.URL.Path, query)
	}
	bearer, authorized := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if strings.Contains(r.URL.Path, "/2.3/") != authorized {
		w.Errorf("%s %s has the Authorization %q", r.Method, r.URL.Path, r.Header.Get("Authorization"))
	}
	path := r.URL.Path
	if authorized {
		path = strings.Replace(path, bearer, "TOKEN", 1)
	}
	w.requests[r.Method+" "+path]++
	return routes.RoundTrip(r)
}

// TestCredentialsAreNeverInAQuery signs in by every flow, and inspects and ends
// the token.
func TestCredentialsAreNeverInAQuery(t *testing.T) {
	for flow, paths := range map[dss.Flow][]string{
		dss.FlowRelay:    {"POST /auth/token", "POST /sandbox/oauth/access_token/json"},
		dss.FlowImplicit: {"POST /auth/token"},
		dss.FlowDevice:   {"POST /oauth/device_authorization", "POST /oauth/token"},
	} {
		t.Run(string(flow), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { signInWatched(t, simulate(t), dss.Config{Flow: flow}, paths...) })
		})
	}
	t.Run(string(dss.FlowLoopback), func(t *testing.T) {
		s := serve(t)
		signInWatched(t, s, dss.Config{Flow: dss.FlowLoopback, StackExchange: s.url + "/sandbox"}, "POST /sandbox/oauth/access_token/json")
	})
	t.Run(string(dss.FlowLoopback)+", redeemed by the server", func(t *testing.T) {
		signInWatched(t, serve(t), dss.Config{Flow: dss.FlowLoopback, StackExchange: elsewhere}, "POST /oauth/token")
	})
}

func signInWatched(t *testing.T, s server, config dss.Config, paths ...string) {
	t.Helper()
	w := watched{t, map[string]int{}}
	config.Scopes, config.Prompt = scopes, approve
	config.API, config.HTTPClient = s.url+"/sandbox/2.3", &http.Client{Transport: w}
	client := s.client(t, config)
	token, err := client.SignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Inspect(t.Context(), token.AccessToken.Reveal()); err != nil {
		t.Error(err)
	}
	if err := client.Invalidate(t.Context(), token.AccessToken.Reveal()); err != nil {
		t.Error(err)
	}
	const tokens = "GET /sandbox/2.3/access-tokens/TOKEN"
	for _, path := range append(paths, tokens, "GET /sandbox/2.3/me", tokens+"/invalidate") {
		if w.requests[path] == 0 {
			t.Errorf("there was no %s: %v", path, w.requests)
		}
	}
}

// TestExamplesHaveNoCredentialInAQuery reads the programs, and what documents
// tell readers to type.
func TestExamplesHaveNoCredentialInAQuery(t *testing.T) {
	credential := regexp.MustCompile(`\?(?:[^\s"'<>?]*&)?(?:access_token|key|token|code_verifier|verifier|client_secret)=`)
	block := regexp.MustCompile("(?ms)^```.*?^```")
	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md", "examples/*/*", "examples/*/*/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	read := 0
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.IsDir() {
			continue
		}
		read++
		parts := []string{text(t, file)}
		if filepath.Ext(file) == ".md" {
			parts = block.FindAllString(parts[0], -1)
		}
		for _, part := range parts {
			if found := credential.FindString(part); found != "" {
				t.Errorf("%s has %s", file, found)
			}
		}
	}
	if read < 30 {
		t.Errorf("read only %d files", read)
	}
}
