package dss_test

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRings checks that every test belongs to one of the two rings: the first
// needs only Go, and the second, with the tag integration, is run by make test.
// A tag that is misspelled would hide a test from both.
func TestRings(t *testing.T) {
	known := map[string]bool{"integration": true, "integration && internet": true}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.Name() == "node_modules":
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		tag, err := buildTag(path)
		if tag != "" && !known[tag] {
			t.Errorf("%s: make test does not set the build tag %q", path, tag)
		}
		if tag == "" && strings.HasPrefix(filepath.ToSlash(path), "test/") {
			t.Errorf("%s lacks the build tag integration", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// buildTag returns the build constraint in the first line of a file.
func buildTag(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	line, err := bufio.NewReader(file).ReadString('\n')
	tag, _ := strings.CutPrefix(strings.TrimSpace(line), "//go:build ")
	if tag == strings.TrimSpace(line) {
		tag = ""
	}
	return tag, err
}
