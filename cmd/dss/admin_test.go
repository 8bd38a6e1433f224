package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// adminOf is the admin server's handler with these flags.
func adminOf(t *testing.T, args ...string) http.Handler {
	t.Helper()
	c := &config{}
	f := &cli.Flags{}
	c.flags(f)
	if _, err := f.Parse(args, func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	c.public = &url.URL{Scheme: "http", Host: "localhost:8080"}
	c.observation.start(true)
	server, err := c.newServer(inMemory{memory.New(store.Limits{})}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c.adminHandler(server)
}

func ask(handler http.Handler, host, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestAdminServes(t *testing.T) {
	handler := adminOf(t, "--admin-listen", "127.0.0.1:0")
	for path, want := range map[string]string{
		"/metrics":                        "dss_build_info{",
		"/healthz":                        "ok",
		"/readyz":                         "ready",
		"/debug/pprof/":                   "goroutine",
		"/debug/pprof/goroutine?debug=2":  "goroutine ",
		"/debug/pprof/heap?debug=1":       "heap profile",
		"/debug/pprof/allocs?debug=1":     "heap profile",
		"/debug/pprof/block?debug=1":      "contention",
		"/debug/pprof/mutex?debug=1":      "mutex",
		"/debug/pprof/threadcreate":       "",
		"/debug/pprof/trace?seconds=0.01": "go 1.",
		"/debug/pprof/profile?seconds=1":  "",
	} {
		w := ask(handler, "127.0.0.1:1", path)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) || w.Body.Len() == 0 {
			t.Errorf("%s answers %d without %q", path, w.Code, want)
		}
	}
	// It would show the password in a store's URL.
	if w := ask(handler, "localhost", "/debug/pprof/cmdline"); w.Code != http.StatusNotFound {
		t.Errorf("the command line: %d", w.Code)
	}
	if w := ask(handler, "localhost", "/auth/token?key=x"); w.Code != http.StatusNotFound {
		t.Errorf("what is for the public: %d", w.Code)
	}
}

// TestAdminHosts: a web page that has its name lead here reads nothing.
func TestAdminHosts(t *testing.T) {
	handler := adminOf(t, "--admin-listen", "metrics.example.org:9000")
	for host, ok := range map[string]bool{
		"127.0.0.1:9000": true, "[::1]:9000": true, "10.1.2.3": true, "localhost:9000": true, "LOCALHOST": true, "dss:9000": true,
		"dss.default.svc.cluster.local:9000": true, "dss.internal": true, "metrics.example.org:9000": true, "Metrics.Example.Org": true,
		"": false, "evil.example": false, "evil.example:9000": false, "127.0.0.1.evil.example": false, "localhost.evil.example:9000": false,
		"evil.example.": false, "metrics.example.org.evil.example": false,
	} {
		for _, path := range []string{"/metrics", "/debug/pprof/heap", "/nowhere"} {
			w := ask(handler, host, path)
			if (w.Code != http.StatusMisdirectedRequest) != ok {
				t.Errorf("asked as %q for %s: %d", host, path, w.Code)
			}
			for _, name := range []string{"Content-Security-Policy", "Cache-Control", "X-Content-Type-Options", "Cross-Origin-Resource-Policy"} {
				if w.Header().Get(name) == "" {
					t.Errorf("%s as %q: no %s", path, host, name)
				}
			}
		}
	}
}

func TestAuditKey(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	secret := strings.Repeat("0123456789abcdef", 4)
	quiet := slog.New(slog.DiscardHandler)
	look := func(o observation) (key []byte, err error) {
		c := &config{observation: o}
		_, err = c.lookAtAudit(quiet)
		return c.auditKey, err
	}
	if key, err := look(observation{audit: true, auditKeyFile: write("good", secret+"\n")}); err != nil || string(key) != secret {
		t.Errorf("a key from a file: %q, %v", key, err)
	}
	for what, path := range map[string]string{
		"short": write("short", "secret"), "long": write("long", strings.Repeat("x", 5000)), "missing": filepath.Join(folder, "none"),
	} {
		if _, err := look(observation{audit: true, auditKeyFile: path}); exitStatus(err) != exitUsage || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "secret") {
			t.Errorf("a %s key: %v", what, err)
		}
	}
	one, _ := look(observation{audit: true})
	two, _ := look(observation{audit: true})
	none, _ := look(observation{})
	if len(one) != 32 || string(one) == string(two) || none != nil {
		t.Error("a fresh key is not fresh, or there is one without an audit")
	}
	status, _, stderr := runWith(t, nil, "serve", "--audit=false", "--audit-key-file", "x")
	if status != exitUsage || !strings.Contains(stderr, "--audit-key-file") {
		t.Errorf("a key without an audit: exit status %d, %s", status, stderr)
	}
}
