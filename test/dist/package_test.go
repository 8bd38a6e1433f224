//go:build integration

package dist_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// one returns the only file that matches.
func one(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: %v, %v", pattern, files, err)
	}
	return files[0]
}

// checkPackage installs the Debian package in a root of its own, has systemd check its
// units there, and removes it.
func checkPackage(t *testing.T, folder string) {
	file := one(t, filepath.Join(folder, "*_amd64.deb"))
	if out := run(t, folder, "lintian", "--allow-root", "--fail-on", "error,warning,info", file); out != "" {
		t.Errorf("lintian says\n%s", out)
	}
	root := t.TempDir()
	folders := []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "etc/systemd/system", "usr/lib/systemd/system"}
	for _, name := range folders {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"var/lib/dpkg/status", "etc/passwd", "etc/group"} {
		write(t, filepath.Join(root, name))
	}
	// The scripts run outside of the root, as it has no shell, and are told where it is.
	dpkg := func(args ...string) {
		t.Helper()
		run(t, folder, "dpkg", append([]string{"--root=" + root, "--force-script-chrootless", "--log=/dev/null"}, args...)...)
	}
	dpkg("--install", file)
	if users := read(t, filepath.Join(root, "etc/passwd")); !strings.HasPrefix(users, "dss:") {
		t.Errorf("the users are %q", users)
	}
	if out := run(t, folder, filepath.Join(root, "usr/bin/dss"), "version"); !strings.HasPrefix(out, "dss ") {
		t.Errorf("the binary says %q", out)
	}
	installed := filepath.Join(root, "usr/lib/systemd/system") // beside those that it depends on
	run(t, folder, "cp", "--archive", "--no-clobber", "/usr/lib/systemd/system/.", installed)
	units := []string{"dss.service", "dss.socket", "dss-http.socket"}
	if out := run(t, folder, "systemd-analyze", append([]string{"verify", "--root=" + root, "--man=no"}, units...)...); out != "" {
		t.Errorf("systemd says\n%s", out)
	}
	enabled := filepath.Join(root, "etc/systemd/system/multi-user.target.wants/dss.service")
	data := filepath.Join(root, "var/lib/dss/dss.db")
	write(t, enabled)
	write(t, data)
	before := paths(t, root)
	dpkg("--remove", "dss")
	if settings := filepath.Join(root, "etc/dss/dss.env"); !slices.Contains(paths(t, root), settings) {
		t.Error("the settings are gone")
	}
	dpkg("--purge", "dss")
	after := paths(t, root)
	if !slices.Contains(before, enabled) || slices.Contains(after, enabled) || !slices.Contains(after, data) {
		t.Errorf("left is %v", after)
	}
	for _, path := range after {
		name := filepath.Base(path)
		if strings.Contains(name, "dss") && path != data {
			t.Errorf("%s is left", path)
		}
	}
}

// paths returns the files below a folder.
func paths(t *testing.T, folder string) []string {
	t.Helper()
	return strings.Split(strings.TrimSpace(run(t, folder, "find", folder, "-not", "-type", "d")), "\n")
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// checkImage has buildah read the image.
func checkImage(t *testing.T, folder string) {
	storage := t.TempDir()
	buildah := func(args ...string) string {
		t.Helper()
		global := []string{"--root", storage + "/root", "--runroot", storage + "/run", "--storage-driver", "vfs"}
		return run(t, folder, "buildah", append(global, args...)...)
	}
	id := strings.Fields(buildah("pull", "--quiet", "oci-archive:"+one(t, filepath.Join(folder, "*.oci.tar"))))[0]
	var image struct {
		OCIv1 struct {
			Architecture string
			Config       struct {
				User       string
				Entrypoint []string
				Labels     map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(buildah("inspect", "--type", "image", id)), &image); err != nil {
		t.Fatal(err)
	}
	config := image.OCIv1.Config
	labels := config.Labels
	if image.OCIv1.Architecture != "amd64" || config.User != "65532:65532" ||
		!slices.Equal(config.Entrypoint, []string{"/dss"}) ||
		labels["org.opencontainers.image.licenses"] != "MIT" || labels["org.opencontainers.image.version"] == "" {
		t.Errorf("the image is %+v", image.OCIv1)
	}
	container := strings.TrimSpace(buildah("from", id))
	root := strings.TrimSpace(buildah("mount", container))
	if out := run(t, folder, filepath.Join(root, "dss"), "version"); !strings.HasPrefix(out, "dss ") {
		t.Errorf("the binary says %q", out)
	}
	if out := run(t, root, "stat", "--format=%u:%g %a %F", "data"); out != "65532:65532 755 directory\n" {
		t.Errorf("/data is %q", out)
	}
	buildah("rm", container)
}
