//go:build integration

package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// schemas builds the program that reads files as Compose and Kubernetes do.
var schemas = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(binary), "schemas")
	command := exec.Command("go", "build", "-o", path, ".")
	command.Dir, command.Stderr = "schemas", os.Stderr
	return path, command.Run()
})

// readAs returns what kind of program understands of a file.
func readAs(t *testing.T, kind, path string, env ...string) (string, error) {
	t.Helper()
	program, err := schemas()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, kind, path)
	command.Env = environment(env...)
	out, err := command.CombinedOutput()
	return string(out), err
}

// altered is a copy of a file with a change.
func altered(t *testing.T, path, old, changed string) string {
	t.Helper()
	text := readFile(t, path)
	if strings.Count(text, old) == 0 {
		t.Fatalf("%s lacks %q", path, old)
	}
	copied := filepath.Join(t.TempDir(), filepath.Base(path))
	writeFile(t, copied, strings.Replace(text, old, changed, 1))
	return copied
}

// TestCompose has Compose's own library read the file.
func TestCompose(t *testing.T) {
	t.Parallel()
	const path = "../../deploy/container/compose.yaml"
	out, err := readAs(t, "compose", path, "DSS_PUBLIC_URL=https://auth.example.org")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"DSS_STORE: redis://redis:6379", "DSS_PUBLIC_URL: https://auth.example.org", "- noeviction", "read_only: true", "host_ip: 127.0.0.1", "internal: true", "condition: service_healthy"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if out, err := readAs(t, "compose", path); err == nil || !strings.Contains(out, "say under which URL") {
		t.Errorf("without a public URL: %v\n%s", err, out)
	}
	if out, err := readAs(t, "compose", altered(t, path, "mem_limit:", "memory_limit:"), "DSS_PUBLIC_URL=https://auth.example.org"); err == nil {
		t.Errorf("an unknown key passes:\n%s", out)
	}
}

// TestManifest has Kubernetes' own libraries decode each object strictly, and
// hold the pods against the restricted profile.
func TestManifest(t *testing.T) {
	t.Parallel()
	const path = "../../deploy/kubernetes/dss.yaml"
	out, err := readAs(t, "kubernetes", path)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{`kind: Deployment`, `kind: PodDisruptionBudget`, `kind: Service\n`, `readOnlyRootFilesystem: true`, `path: /readyz`, `maxUnavailable: 0`} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	for name, change := range map[string][2]string{
		"an unknown field": {"terminationGracePeriodSeconds", "terminationGraceSeconds"},
		"a root user":      {"runAsNonRoot: true", "runAsNonRoot: false"},
		"capabilities":     {"capabilities: {drop: [ALL]}", "capabilities: {drop: []}"},
		"no such kind":     {"kind: PodDisruptionBudget", "kind: PodBudget"},
	} {
		if out, err := readAs(t, "kubernetes", altered(t, path, change[0], change[1])); err == nil {
			t.Errorf("%s passes:\n%s", name, out)
		}
	}
}

// TestManifestRuns: the settings that the manifest gives the server are ones
// that it takes.
func TestManifestRuns(t *testing.T) {
	t.Parallel()
	text := readFile(t, "../../deploy/kubernetes/dss.yaml")
	var env []string
	for _, match := range regexp.MustCompile(`\{name: (DSS_\w+), value: "?([^"}]+)"?\}`).FindAllStringSubmatch(text, -1) {
		env = append(env, match[1]+"="+match[2])
	}
	if len(env) != 5 {
		t.Fatalf("settings: %q", env)
	}
	status, stdout, stderr := runBinary(t, append(env, "DSS_STORE=memory:"), "serve", "--check")
	if status != 0 || !strings.Contains(stdout, "https://auth.example.org") {
		t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
	}
}
