//go:build integration

package browser

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// fakeCommand puts a shell script in place of the system's command.
func fakeCommand(t *testing.T, script string) {
	t.Helper()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	name, _ := commandOf("linux")
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, name), []byte("#!"+shell+"\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	for _, name := range []string{"SSH_CONNECTION", "SSH_TTY"} {
		t.Setenv(name, "")
	}
}

// TestProcess looks at the command from inside.
func TestProcess(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	fakeCommand(t, `{ echo $$ $(ps -o sid= -p $$) "$1"; env; } >`+out)
	t.Setenv("DSS_TOKEN", "canary")
	t.Setenv("DSS_CERT_SECRET", "canary")
	t.Setenv("dss_token", "canary")
	t.Setenv("KEPT", "kept")
	ended, err := Open("https://auth.example.org/?x=y")
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	told, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	first, environment, _ := strings.Cut(string(told), "\n")
	fields := strings.Fields(first)
	if len(fields) != 3 || fields[0] != fields[1] || fields[2] != "https://auth.example.org/?x=y" {
		t.Fatalf("process, session and address are %q", fields)
	}
	if strings.Contains(environment, "canary") || !strings.Contains(environment, "KEPT=kept") {
		t.Errorf("the environment is\n%s", environment)
	}
	pid, err := strconv.Atoi(fields[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is still there: %v", pid, err)
	}
}

func TestFailure(t *testing.T) {
	fakeCommand(t, "exit 3")
	ended, err := Open("https://auth.example.org/?state=secret")
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || err.Error() != "xdg-open: exit status 3" {
		t.Error(err)
	}
	t.Setenv("SSH_CONNECTION", "1.2.3.4 5 6.7.8.9 22")
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	t.Setenv("BROWSER", "")
	if _, err := Open("https://auth.example.org"); !errors.Is(err, ErrNoDisplay) {
		t.Error(err)
	}
}
