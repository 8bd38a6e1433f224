package api_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/api"
)

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
