//go:build integration

// Package dist_test builds what is released, twice.
package dist_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSameBytes builds from two copies in different folders and compares.
func TestSameBytes(t *testing.T) {
	targets := []string{"linux/amd64", "windows/arm64"}
	first, second := build(t, targets), build(t, targets)
	sums := read(t, filepath.Join(first, "SHA256SUMS"))
	if sums != read(t, filepath.Join(second, "SHA256SUMS")) {
		t.Errorf("two builds differ:\n%s\n%s", sums, read(t, filepath.Join(second, "SHA256SUMS")))
	}
	const files = 5 // two archives, the package, the image, the SBOM
	if lines := strings.Count(sums, "\n"); lines != files {
		t.Errorf("%d files have a checksum, want %d:\n%s", lines, files, sums)
	}
	check := exec.Command("sha256sum", "--check", "--strict", "SHA256SUMS")
	check.Dir = first
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	t.Run("package", func(t *testing.T) { checkPackage(t, first) })
	t.Run("image", func(t *testing.T) { checkImage(t, first) })
	t.Run("SBOM", func(t *testing.T) { checkSBOM(t, first) })
	folder := t.TempDir()
	run(t, folder, "tar", "--extract", "--strip-components=1", "--file", one(t, filepath.Join(first, "*linux-amd64.tar.gz")))
	if out := run(t, folder, "./dss", "version"); !strings.HasPrefix(out, "dss ") {
		t.Errorf("the binary says %q", out)
	}
	manual := run(t, folder, "env", "LC_ALL=C.UTF-8", "man", "--warnings", "--local-file", "./dss.1")
	for _, want := range []string{"DSS(1)", "--trusted-proxies networks", "DSS_CLIENT_ID", "redis://…", "130 if interrupted"} {
		if !strings.Contains(strings.Join(strings.Fields(manual), " "), want) { // however its lines break
			t.Errorf("the manual page lacks %q:\n%s", want, manual)
		}
	}
	for _, file := range []string{"systemd/dss.service", "systemd/dss.socket", "systemd/dss-http.socket", "proxy/nginx.conf", "proxy/Caddyfile", "proxy/haproxy.cfg"} {
		if got := read(t, filepath.Join(folder, file)); got != read(t, filepath.Join("../../deploy", file)) {
			t.Errorf("%s is another one", file)
		}
	}
}

// checkSBOM: the bill of materials names what is in the binary.
func checkSBOM(t *testing.T, folder string) {
	files, _ := filepath.Glob(filepath.Join(folder, "*.cdx.json"))
	if len(files) != 1 {
		t.Fatalf("bills: %v", files)
	}
	var bill struct {
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal([]byte(read(t, files[0])), &bill); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, component := range bill.Components {
		found[component.Name] = component.Version
	}
	if found["modernc.org/sqlite"] == "" || found["github.com/piglig/go-qr"] == "" {
		t.Errorf("the bill misses modules: %v", found)
	}
	if found["golang.org/x/oauth2"] != "" {
		t.Errorf("the bill lists what only tests use: %v", found)
	}
}

// build copies the sources, without what git ignores, and builds them.
func build(t *testing.T, targets []string) (out string) {
	t.Helper()
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	sources, archive := t.TempDir(), filepath.Join(t.TempDir(), "sources.tar")
	run(t, repository, "tar", "--create", "--file", archive, "--exclude=./.git", "--exclude=node_modules",
		"--exclude=./bin", "--exclude=./data", "--exclude=./dist", "--exclude=./test/.bin", ".")
	run(t, sources, "tar", "--extract", "--file", archive)
	t.Setenv("SOURCE_DATE_EPOCH", "1764300000") // the copy has no commit that says when
	out = filepath.Join(t.TempDir(), "dist")
	run(t, sources, "deploy/dist", append([]string{out}, targets...)...)
	return out
}

func run(t *testing.T, folder, name string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, arguments...)
	command.Dir = folder
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
	return string(out)
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
