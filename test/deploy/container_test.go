//go:build integration

package deploy_test

import (
	"crypto/rand"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/scripted"
	"github.com/desktop-stack-serv/dss/test/program"
)

// image is what deploy/container/Containerfile makes.
type image struct {
	root   string // its files
	config struct {
		User       string
		Env        []string
		Entrypoint []string
		Cmd        []string
		StopSignal string
	}
	health []string
}

// buildImage builds the image, with storage of its own.
func buildImage(t *testing.T) *image {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("container tests need root; rootless, run them as: buildah unshare go test ./test/deploy")
	}
	storage, sources := t.TempDir(), t.TempDir()
	buildah := func(args ...string) string {
		t.Helper()
		global := []string{"--root", filepath.Join(storage, "root"), "--runroot", filepath.Join(storage, "run"), "--storage-driver", "vfs"}
		cmd := exec.Command("buildah", append(global, args...)...)
		cmd.Dir = sources
		out, err := cmd.Output()
		if failed, ok := err.(*exec.ExitError); ok {
			t.Fatalf("buildah %s: %v\n%s%s", args[0], err, out, failed.Stderr)
		} else if err != nil {
			t.Fatalf("%v; test/setup installs it", err)
		}
		return strings.TrimSpace(string(out))
	}
	for from, to := range map[string]string{static: "bin/dss", "../../deploy/container": "deploy/container"} {
		target := filepath.Join(sources, to)
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("cp", "-a", from, target).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	buildah("build", "--isolation", "chroot", "--format", "docker", "--file", "deploy/container/Containerfile", "--tag", "dss", ".")
	container := buildah("from", "dss")
	i := &image{root: buildah("mount", container)}
	t.Cleanup(func() { buildah("rm", container) })
	i.inspect(t, buildah("inspect", "--type", "image", "dss"))
	return i
}

func (i *image) inspect(t *testing.T, description string) {
	t.Helper()
	var all struct {
		OCIv1  struct{ Config json.RawMessage } `json:"OCIv1"`
		Docker struct {
			Config struct {
				Healthcheck struct{ Test []string }
			} `json:"config"`
		}
	}
	if err := json.Unmarshal([]byte(description), &all); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(all.OCIv1.Config, &i.config); err != nil {
		t.Fatal(err)
	}
	if test := all.Docker.Config.Healthcheck.Test; len(test) > 1 && test[0] == "CMD" {
		i.health = test[1:]
	}
}

// contain runs a command as a container runtime does: in the image's files,
// read-only, with /data in memory, as the image's user, with no privilege to
// gain and nothing else of this machine but its network.
const contain = `set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t tmpfs -o "mode=700,uid=$2,gid=$3" tmpfs "$1/data"
mount -o remount,bind,ro "$1"
root="$1" user="$2" group="$3"
shift 3
exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid --inh-caps=-all --ambient-caps=-all -- \
  unshare --root="$root" --wd=/ --setuid="$user" --setgid="$group" -- "$@"`

func (i *image) command(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	user, group, ok := strings.Cut(i.config.User, ":")
	if n, err := strconv.Atoi(user); err != nil || !ok || n == 0 {
		t.Fatalf("the image's user is %q", i.config.User)
	}
	cmd := exec.Command("unshare", append([]string{"--mount", "--", "sh", "-c", contain, "contain", i.root, user, group}, args...)...)
	cmd.Env = slices.Concat(i.config.Env, env)
	return cmd
}

// TestContainer starts the image as it is, has a user sign in, asks for its
// health as a container runtime does, and stops it.
func TestContainer(t *testing.T) {
	t.Parallel()
	i := buildImage(t)
	i.checkFiles(t)
	address := program.FreeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	env := []string{"DSS_LISTEN=" + address, "DSS_PUBLIC_URL=http://localhost:" + port, "DSS_SANDBOX=true"}
	if len(i.config.Entrypoint) == 0 || len(i.health) == 0 || i.config.StopSignal != "SIGTERM" {
		t.Fatalf("the image says %+v, health %q", i.config, i.health)
	}
	p := launch(t, i.command(t, env, slices.Concat(i.config.Entrypoint, i.config.Cmd)...))
	base := p.ready()
	checkConfinement(t, p.Cmd.Process.Pid)
	signIn(t, base)

	healthy := launch(t, i.command(t, env, i.health...))
	healthy.exits(0)
	p.terminate()
	unhealthy := launch(t, i.command(t, env, i.health...))
	unhealthy.exits(5)

	elsewhere := launch(t, i.command(t, append(env, "DSS_STORE=sqlite:/elsewhere/dss.db"), slices.Concat(i.config.Entrypoint, i.config.Cmd)...))
	elsewhere.exits(2)
	if got := elsewhere.Stderr.String(); !strings.Contains(got, "cannot be written") {
		t.Errorf("outside of /data it can write: %s", got)
	}
}

// checkFiles: there is nothing in the image but the binary and a folder.
func (i *image) checkFiles(t *testing.T) {
	t.Helper()
	var found []string
	err := filepath.WalkDir(i.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == i.root {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			owner := info.Sys().(*syscall.Stat_t)
			found = append(found, strconv.Itoa(int(owner.Uid))+" "+strings.TrimPrefix(path, i.root))
		}
		return err
	})
	want := []string{"65532 /data", "65532 /data/.keep", "0 /dss"}
	if err != nil || !slices.Equal(found, want) {
		t.Errorf("the image holds %q, want %q (%v)", found, want, err)
	}
}

// checkConfinement makes sure that the test confines what it says it does.
func checkConfinement(t *testing.T, pid int) {
	t.Helper()
	status := readFile(t, "/proc/"+strconv.Itoa(pid)+"/status")
	for _, want := range []string{"Uid:\t65532\t65532\t65532\t65532\n", "Gid:\t65532\t65532\t65532\t65532\n", "CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n", "NoNewPrivs:\t1\n"} {
		if !strings.Contains(status, want) {
			t.Errorf("%q is not in\n%s", want, status)
		}
	}
}

// signIn has a user sign in at the sandbox, and the app fetch the token.
func signIn(t *testing.T, base string) {
	t.Helper()
	key := rand.Text()
	query := url.Values{"client_id": {"1"}, "redirect_uri": {base + "/auth/redirect"}, "state": {key}, "scope": {"read_inbox"}}
	page, err := scripted.New().Visit(base+"/sandbox/oauth/dialog?"+query.Encode(), scripted.Approves)
	if err != nil || page.Status >= 400 {
		t.Fatalf("the sign-in ends with %d: %v\n%s", page.Status, err, page.Body)
	}
	if got, err := newApp(base).claim(key); err != nil || got.status != http.StatusOK || !strings.Contains(got.body, "access_token") {
		t.Fatalf("claim: %d %s %v", got.status, got.body, err)
	}
}
