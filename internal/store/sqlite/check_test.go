package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/store"
)

// describe returns the findings of a check as lines, and the error.
func describe(t *testing.T, url string) (worst store.Level, text string) {
	t.Helper()
	findings, err := Check(t.Context(), url)
	if err != nil {
		return store.Problem, err.Error()
	}
	for _, f := range findings {
		text += f.Level.String() + " " + f.Subject + ": " + f.Text + "\n"
	}
	return store.Worst(findings), text
}

func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "dss.db")
	url := "sqlite:" + path
	if worst, text := describe(t, url); worst != store.OK || !strings.Contains(text, "would be created") {
		t.Errorf("before the first start: %s", text)
	}
	if _, err := os.Stat(filepath.Dir(path)); err == nil {
		t.Error("the check has created the folder")
	}
	s, stop := running(t, path)
	create(t, s, 1, "value")
	stop()
	if worst, text := describe(t, url); worst != store.OK || !strings.Contains(text, "ok take: works") {
		t.Errorf("of a database that nobody has open: %s", text)
	}
}

// TestCheckOfLog checks a database whose schema is in its log only, as after
// a crash of its first server.
func TestCheckOfLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dss.db")
	s, stop := running(t, path)
	create(t, s, 1, "value")
	crashed := filepath.Join(t.TempDir(), "dss.db")
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(crashed+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if worst, text := describe(t, "sqlite:"+crashed); worst != store.OK || !strings.Contains(text, "ok take: works") {
		t.Errorf("after a crash: %s", text)
	}
}

// TestCheckRefuses returns errors for what no server could use.
func TestCheckRefuses(t *testing.T) {
	folder := t.TempDir()
	junk, newer := filepath.Join(folder, "junk.db"), filepath.Join(folder, "newer.db")
	header := append([]byte(magic), make([]byte, headerSize)...)
	header[versionOffset+3] = byte(len(schema) + 1)
	for name, content := range map[string][]byte{junk: []byte("junk"), newer: header} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for url, want := range map[string]string{
		"sqlite:":                  "needs the path",
		"sqlite://tmp/dss.db":      "leave out the slashes",
		"sqlite:file:x":            "no parameters",
		"sqlite:" + folder:         "it is not a file",
		"sqlite:" + junk:           "is not a SQLite database",
		"sqlite:" + newer:          "use the newer program",
		"sqlite:" + junk + "/x.db": "not a directory",
	} {
		_, err := Check(context.Background(), url)
		if _, ok := errors.AsType[store.URLError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
}
