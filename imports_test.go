package dss_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/desktop-stack-serv/dss"

// allowed says what of ours a package may import. Imports point inward.
var allowed = map[string][]string{
	module: {
		"api", "internal/browser", "internal/display", "internal/fetch", "internal/origin", "internal/secret",
		"internal/stackexchange", "internal/web/text",
	},
	"api": {},
	"dsstest": {
		module, "api", "internal/httpapi", "internal/sandbox", "internal/scripted", "internal/sealed",
		"internal/stackexchange", "internal/store", "internal/store/memory",
	},
	"docs":                 {},
	"examples/go-device":   {},
	"examples/go-loopback": {},
	"examples/inbox":       {module},
	"internal/access":      {},
	"internal/apps":        {"internal/display", "internal/oauth", "internal/origin", "internal/pattern", "internal/relay"},
	"internal/browser":     {"internal/pattern"},
	"internal/certs":       {"internal/origin", "internal/sealed", "internal/secret"},
	"internal/cli":         {"internal/display"},
	"internal/clientaddr":  {"internal/origin"},
	"internal/contract": {
		"internal/display", "internal/fetch", "internal/origin", "internal/secret", "internal/stackexchange",
	},
	"internal/daemon": {
		module, "api", "internal/access", "internal/apps", "internal/certs", "internal/clientaddr", "internal/contract", "internal/display",
		"internal/httpapi", "internal/limit", "internal/logger", "internal/metrics", "internal/origin",
		"internal/relay", "internal/sandbox", "internal/sealed", "internal/secret", "internal/site",
		"internal/stackexchange", "internal/store", "internal/store/memory", "internal/store/postgres",
		"internal/store/redis", "internal/store/sqlite", "internal/web/text",
	},
	"internal/display": {},
	"internal/doctor": {
		module, "api", "internal/browser", "internal/display", "internal/fetch", "internal/origin",
		"internal/registration", "internal/secret",
	},
	"internal/fetch": {"internal/display", "internal/origin", "internal/secret"},
	"internal/httpapi": {
		"api", "docs", "internal/apps", "internal/clientaddr", "internal/display", "internal/limit", "internal/logger",
		"internal/oauth", "internal/origin", "internal/registration", "internal/relay", "internal/sealed", "internal/secret",
		"internal/site", "internal/stackexchange", "internal/web", "internal/web/text",
	},
	"internal/limit":  {"api", "internal/sealed", "internal/secret"},
	"internal/logger": {},
	"internal/metrics": {
		"internal/apps", "internal/httpapi", "internal/oauth", "internal/relay", "internal/sealed", "internal/stackexchange",
	},
	"internal/oauth": {
		"api", "internal/display", "internal/pattern", "internal/sealed", "internal/secret", "internal/stackexchange",
	},
	"internal/origin":           {},
	"internal/pattern":          {},
	"internal/registration":     {"api", "internal/origin"},
	"internal/relay":            {"api", "internal/display", "internal/pattern", "internal/sealed", "internal/secret"},
	"internal/sandbox":          {"api", "internal/origin", "internal/secret", "internal/web", "internal/web/text"},
	"internal/scripted":         {},
	"internal/sealed":           {"internal/secret"},
	"internal/sealed/storetest": {"api", "internal/relay", "internal/sealed", "internal/secret", "internal/store"},
	"internal/secret":           {},
	"internal/site":             {"internal/pattern"},
	"internal/stackexchange":    {"internal/display", "internal/fetch", "internal/pattern", "internal/secret"},
	"internal/store":            {"internal/sealed"},
	"internal/store/memory":     {"internal/sealed", "internal/store"},
	"internal/store/postgres":   {"internal/origin", "internal/sealed", "internal/store"},
	"internal/store/redis":      {"internal/origin", "internal/sealed", "internal/store"},
	"internal/store/sqlite":     {"internal/access", "internal/sealed", "internal/store"},
	"internal/web":              {"api", "internal/registration", "internal/web/text"},
	"internal/web/text":         {},
}

// outside says which packages may import something that is neither ours nor
// the standard library's.
var outside = map[string][]string{
	"internal/access":         {"golang.org/x/sys/unix"},
	"internal/apps":           {"github.com/pelletier/go-toml/v2/unstable", "golang.org/x/text/unicode/norm"},
	"examples/go-device":      {"golang.org/x/oauth2"},
	"examples/go-loopback":    {"golang.org/x/oauth2"},
	"internal/sealed":         {"golang.org/x/crypto/chacha20poly1305"},
	"internal/store/redis":    {"github.com/redis/rueidis"},
	"internal/store/sqlite":   {"modernc.org/sqlite"},
	"internal/certs":          {"golang.org/x/crypto/acme"},
	"internal/store/postgres": {"github.com/jackc/pgx/v5"},
	"internal/clientaddr":     {"github.com/pires/go-proxyproto"},
	"internal/daemon": {
		"github.com/coreos/go-systemd/v22", "golang.org/x/crypto/acme", "golang.org/x/sys/unix", "golang.org/x/term",
	},
	"internal/metrics": {"github.com/prometheus/client_golang"},
	"internal/oauth":   {"golang.org/x/text/unicode/norm"},
	"internal/site":    {"github.com/yuin/goldmark"},
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

// TestImportsPointInward checks every package but those that wire and test:
// a new one has to be entered in the table.
func TestImportsPointInward(t *testing.T) {
	command := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...")
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(output)))
	for {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		if !strings.HasPrefix(name, "cmd/") && !strings.HasPrefix(name, "test/") {
			checkImports(t, name, p.Imports)
		}
	}
}

func checkImports(t *testing.T, name string, imports []string) {
	t.Helper()
	inside, known := allowed[name]
	if !known {
		t.Errorf("%s has no entry in the table of allowed imports", name)
	}
	for _, path := range imports {
		ours, isOurs := strings.CutPrefix(path, module+"/")
		if path == module {
			ours, isOurs = module, true
		}
		first, _, _ := strings.Cut(path, "/")
		switch {
		case isOurs && !slices.Contains(inside, ours):
			t.Errorf("%s imports %s", name, ours)
		case !isOurs && strings.Contains(first, ".") &&
			!slices.ContainsFunc(outside[name], func(known string) bool { return strings.HasPrefix(path, known) }):
			t.Errorf("%s imports %s", name, path)
		}
	}
}
