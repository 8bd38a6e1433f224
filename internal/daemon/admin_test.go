package daemon

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/metrics"
)

// adminOf is the handler of an admin server that listens on address.
func adminOf(t *testing.T, address string) http.Handler {
	t.Helper()
	d := unstarted(t, Settings{AdminListen: address})
	d.metrics = metrics.New(metrics.Build{}, nil)
	return d.adminHandler()
}

func ask(handler http.Handler, host, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestAdminServes(t *testing.T) {
	handler := adminOf(t, "127.0.0.1:0")
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
	handler := adminOf(t, "metrics.example.org:9000")
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

// TestSecret: the key of the audit is what is in the file, or a new one at each
// start.
func TestSecret(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	secret := strings.Repeat("0123456789abcdef", 4)
	read := func(path string) (key []byte, err error) {
		plan, err := Settings{SecretFile: path}.plan()
		if err != nil {
			t.Fatal(err)
		}
		e := &examination{plan: plan, log: slog.New(slog.DiscardHandler)}
		_, err = e.audit()
		return e.auditKey, err
	}
	if key, err := read(write("good", secret+"\n")); err != nil || string(key) != secret {
		t.Errorf("a key from a file: %q, %v", key, err)
	}
	for what, path := range map[string]string{
		"short": write("short", "secret"), "long": write("long", strings.Repeat("x", 5000)), "missing": filepath.Join(folder, "none"),
	} {
		_, err := read(path)
		if _, ok := errors.AsType[SettingError](err); !ok || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "secret\n") {
			t.Errorf("a %s key: %v", what, err)
		}
	}
	one, _ := read("")
	two, _ := read("")
	if len(one) != 32 || string(one) == string(two) {
		t.Error("a new key is not new")
	}
}
