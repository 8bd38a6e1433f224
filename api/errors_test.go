package api_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/api"
)

// TestErrorsAreDocumented compares the table with docs/api.md, which lists the
// errors of the key relay, and with docs/oauth.md.
func TestErrorsAreDocumented(t *testing.T) {
	relay := rows(t, "../docs/api.md", "\\| (\\d{3}) \\| `([a-z_]+)`")
	oauth := rows(t, "../docs/oauth.md", "\n(\\|) `([a-z_]+)` \\|")
	for name, status := range relay {
		if want := strconv.Itoa(api.Errors[name].Status); status != want {
			t.Errorf("docs/api.md has %s for %s, want %s", status, name, want)
		}
	}
	for name, e := range api.Errors {
		switch {
		case e.Message == "":
			t.Errorf("%s has no message", name)
		case e.OAuth == name && oauth[name] == "" && name != api.UnsupportedResponseType: // which redirects tell
			t.Errorf("docs/oauth.md does not list %s", name)
		case e.OAuth != "" && e.OAuth != name && oauth[e.OAuth] == "":
			t.Errorf("docs/oauth.md does not list %s, as %s is called there", e.OAuth, name)
		}
	}
}

// TestNamesHaveOneHome: names that are not the RFCs' stand in this package alone.
func TestNamesHaveOneHome(t *testing.T) {
	read := 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch entry.Name() {
		case "api", "sandbox", "test", "node_modules": // Stack Exchange has names of its own
			return filepath.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		read++
		for name, e := range api.Errors {
			if e.OAuth != name && strings.Contains(string(text), strconv.Quote(name)) {
				t.Errorf("%s has %q", path, name)
			}
		}
		return nil
	})
	if err != nil || read < 100 {
		t.Errorf("read %d files: %v", read, err)
	}
}

// rows returns the first group of each match by the second.
func rows(t *testing.T, file, pattern string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, row := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		found[row[2]] = row[1]
	}
	if len(found) < 10 {
		t.Errorf("%s has %d errors", file, len(found))
	}
	return found
}
