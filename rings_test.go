package dss_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestRings checks that every test belongs to one of the two rings: the first
// needs only Go, and the second, with the tag integration, is run by make test.
// A tag that is misspelled would hide a test from both.
func TestRings(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.Name() == "node_modules":
			return filepath.SkipDir
		case strings.HasSuffix(path, "_test.go"):
			checkRing(t, filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// runsGo are the tests of the first ring that run a program: go or themselves.
var runsGo = map[string]bool{"imports_test.go": true, "cmd/dss/script_test.go": true}

func checkRing(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	tag, isTag := strings.CutPrefix(first, "//go:build ")
	if isTag && tag != "unix" { // where make test runs
		if tag != "integration" && tag != "integration && internet" {
			t.Errorf("%s: make test does not set the build tag %q", path, tag)
		}
		return
	}
	if strings.HasPrefix(path, "test/") {
		t.Errorf("%s lacks the build tag integration", path)
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range file.Imports {
		name, _ := strconv.Unquote(i.Path.Value)
		if name == module+"/test/engines" || name == "os/exec" && !runsGo[path] {
			t.Errorf("%s imports %s and lacks the build tag integration", path, name)
		}
	}
}
