package relay_test

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
	module: {"api", "internal/browser", "internal/display", "internal/origin"},
	"dsstest": {module, "api", "internal/httpapi", "internal/relay", "internal/sandbox", "internal/scripted",
		"internal/stackexchange", "internal/store/index", "internal/store/memory"},
	"examples/inbox":           {module},
	"internal/scripted":        {},
	"internal/browser":         {},
	"api":                      {},
	"internal/origin":          {},
	"internal/display":         {},
	"internal/relay":           {"internal/display", "internal/packed"},
	"internal/relay/storetest": {"internal/relay"},
	"internal/store":           {},
	"internal/store/index":     {"internal/relay"},
	"internal/store/watch":     {"internal/relay"},
	"internal/store/usage":     {"internal/relay", "internal/store/index"},
	"internal/store/inspect":   {"internal/relay"},
	"internal/store/health":    {"internal/relay"},
	"internal/store/memory":    {"internal/relay", "internal/store/index", "internal/store/watch"},
	"internal/store/sqlite":    {"internal/relay", "internal/store/index", "internal/store/watch"},
	"internal/store/redis": {"internal/relay", "internal/store", "internal/store/index", "internal/store/inspect", "internal/store/usage",
		"internal/store/watch"},
	"internal/store/postgres": {
		"internal/relay", "internal/store", "internal/store/index", "internal/store/inspect", "internal/store/usage",
		"internal/store/watch",
	},
	"internal/stackexchange": {"internal/origin", "internal/relay"},
	"internal/packed":        {},
	"internal/grant":         {"internal/packed", "internal/relay", "internal/stackexchange"},
	"internal/certs":         {"internal/relay"},
	"internal/sandbox":       {},
	"internal/web":           {},
	"internal/clientaddr":    {},
	"internal/limit":         {"internal/relay"},
	"internal/logger":        {},
	"internal/httpapi": {"api", "internal/clientaddr", "internal/display", "internal/grant", "internal/limit", "internal/origin", "internal/relay",
		"internal/stackexchange", "internal/web"},
	"internal/metrics": {"internal/grant", "internal/httpapi", "internal/relay", "internal/stackexchange"},
}

// outside says which packages may import something that is neither ours nor
// the standard library's.
var outside = map[string]string{
	"internal/store/redis":    "github.com/redis/rueidis",
	"internal/store/sqlite":   "modernc.org/sqlite",
	"internal/certs":          "golang.org/x/crypto/acme",
	"internal/store/postgres": "github.com/jackc/pgx/v5",
	"internal/clientaddr":     "github.com/pires/go-proxyproto",
	"internal/metrics":        "github.com/prometheus/client_golang",
	"internal/grant":          "golang.org/x/text/unicode/norm",
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
		case !isOurs && strings.Contains(first, ".") && (outside[name] == "" || !strings.HasPrefix(path, outside[name])):
			t.Errorf("%s imports %s", name, path)
		}
	}
}
