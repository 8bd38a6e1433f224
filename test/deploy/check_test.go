//go:build integration

package deploy_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/test/program"
)

// runBinary runs the server's binary to its end.
func runBinary(t *testing.T, env []string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = environment(env...)
	p := launch(t, cmd)
	status, err := p.ExitCode()
	if err != nil {
		t.Fatal(err)
	}
	return status, p.Stdout.String(), p.Stderr.String()
}

// TestCheck says what would happen, and leaves nothing behind.
func TestCheck(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "new", "dss.db")
	status, stdout, stderr := runBinary(t, []string{"DSS_PUBLIC_URL=https://auth.example.org", "DSS_STORE=sqlite:" + path},
		"serve", "--check", "--listen", program.FreeAddress(t), "--admin-listen", program.FreeAddress(t))
	if status != 0 || stderr != "" {
		t.Errorf("exit status %d: %s", status, stderr)
	}
	for _, want := range []string{
		`(?m)^address +127\.0\.0\.1:\d+$`,
		`(?m)^admin address +127\.0\.0\.1:\d+$`,
		`(?m)^public URL +https://auth\.example\.org, and no other host$`,
		`(?m)^certificates +none: a proxy in front has to speak HTTPS`,
		`(?m)^store +sqlite: ` + regexp.QuoteMeta(path) + ` would be created$`,
		`(?m)^limits +100000 entries of 64 MiB`,
		`(?m)^Stack Exchange +users sign in at https://stackoverflow\.com.*neither was asked$`,
	} {
		if !regexp.MustCompile(want).MatchString(stdout) {
			t.Errorf("%s is not in\n%s", want, stdout)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

// TestCheckBesideServer looks at what a running server has, as before an
// upgrade. The server does not notice.
func TestCheckBesideServer(t *testing.T) {
	t.Parallel()
	store, address := "sqlite:"+filepath.Join(t.TempDir(), "dss.db"), program.FreeAddress(t)
	p := serve(t, "--listen", address, "--store", store)
	a := newApp(p.ready())
	if got, err := a.deposit("kept-over-the-check", "T"); err != nil || got.status != http.StatusNoContent {
		t.Fatalf("deposit: %d %v", got.status, err)
	}
	for range 20 {
		status, stdout, stderr := runBinary(t, nil, "serve", "--check", "--listen", address, "--store", store)
		if status != 0 || stderr != "" || !strings.Contains(stdout, address+", which is in use now") ||
			!strings.Contains(stdout, fmt.Sprintf("process %d has it open", p.Cmd.Process.Pid)) {
			t.Fatalf("exit status %d\n%s%s", status, stdout, stderr)
		}
	}
	if got, err := a.claim("kept-over-the-check"); err != nil || got.status != http.StatusOK {
		t.Errorf("claim: %d %v", got.status, err)
	}
	a.pass(t, "another-key-after-that", "T")
	p.terminate()
	if _, stdout, _ := runBinary(t, nil, "serve", "--check", "--listen", address, "--store", store); !strings.Contains(stdout, "schema version 1\n") || strings.Contains(stdout, "in use") {
		t.Errorf("afterwards:\n%s", stdout)
	}
}

// TestCheckProblems: status 2, and a line for each problem.
func TestCheckProblems(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	writeFile(t, file, strings.Repeat("This is no database. ", 20))
	newer := make([]byte, 4096)
	copy(newer, "SQLite format 3\x00")
	copy(newer[60:], "\x00\x00\x03\xe7") // 999
	writeFile(t, filepath.Join(folder, "newer"), string(newer))
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"an address of another machine": {[]string{"--listen", "192.0.2.1:80", "--public-url", "https://auth.example.org"}, []string{"--listen: listen tcp 192.0.2.1:80"}},
		"no database":                   {[]string{"--store", "sqlite:" + file}, []string{"is not a SQLite database"}},
		"a folder":                      {[]string{"--store", "sqlite:" + folder}, []string{"it is not a file"}},
		"a folder that is a file":       {[]string{"--store", "sqlite:" + file + "/dss.db"}, []string{"not a directory"}},
		"a newer database":              {[]string{"--store", "sqlite:" + filepath.Join(folder, "newer")}, []string{"schema version 999"}},
		"several": {[]string{"--ttl", "0s", "--limits", "0", "--public-url", "ftp://x", "--store", "mongo:x"},
			[]string{"--limits", "--ttl", "--public-url", "--store must start with"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := c.args
			if c.args[0] != "--listen" {
				args = append([]string{"--listen", program.FreeAddress(t)}, args...)
			}
			status, _, stderr := runBinary(t, nil, append([]string{"serve", "--check"}, args...)...)
			lines := strings.Split(strings.TrimSpace(stderr), "\n")
			if status != 2 || len(lines) != len(c.want) {
				t.Fatalf("exit status %d\n%s", status, stderr)
			}
			for i, want := range c.want {
				if !strings.HasPrefix(lines[i], "dss: ") || !strings.Contains(lines[i], want) {
					t.Errorf("%q, want %q", lines[i], want)
				}
			}
		})
	}
}

// TestHealth asks a server on its way from start to end.
func TestHealth(t *testing.T) {
	t.Parallel()
	address, admin := program.FreeAddress(t), program.FreeAddress(t)
	ask := func(env ...string) (int, string) {
		status, _, stderr := runBinary(t, env, "health")
		return status, stderr
	}
	if status, _ := ask("DSS_LISTEN=" + address); status != 5 {
		t.Errorf("nobody there: exit status %d", status)
	}
	p := serve(t, "--listen", address, "--admin-listen", admin, "--store", "memory:")
	_, port, _ := strings.Cut(address, ":")
	for _, env := range []string{"DSS_LISTEN=" + address, "DSS_LISTEN=0.0.0.0:" + port, "DSS_LISTEN=:" + port, "DSS_ADMIN_LISTEN=" + admin, "DSS_HEALTH_URL=http://" + address + "/healthz"} {
		if status, stderr := ask(env); status != 0 {
			t.Errorf("%s: exit status %d: %s", env, status, stderr)
		}
	}
	if status, stderr := ask("DSS_HEALTH_URL=http://" + address + "/nothing"); status != 1 || !strings.Contains(stderr, "404") {
		t.Errorf("another page: exit status %d: %s", status, stderr)
	}
	if status, stderr := ask("DSS_HEALTH_URL=" + address); status != 2 {
		t.Errorf("no URL: exit status %d: %s", status, stderr)
	}
	p.terminate()
	if status, _ := ask("DSS_LISTEN=" + address); status != 5 {
		t.Errorf("after its end: exit status %d", status)
	}
}
