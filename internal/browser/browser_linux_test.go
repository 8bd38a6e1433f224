package browser

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestCommand(t *testing.T) {
	for system, want := range map[string][]string{
		"linux":   {"xdg-open"},
		"freebsd": {"xdg-open"},
		"darwin":  {"open"},
		"windows": {"rundll32", "url.dll,FileProtocolHandler"},
	} {
		name, arguments := commandOf(system)
		if got := append([]string{name}, arguments...); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", system, got, want)
		}
	}
}

// TestRefuses what would start something else than a browser.
func TestRefuses(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no browser is there, whatever happens
	for _, address := range []string{
		"", "file:///etc/passwd", "javascript:alert(1)", "mailto:a@example.org", "ms-msdt:x", "-h", "--help", "/etc/passwd",
		"C:\\Windows\\System32\\calc.exe", "auth.example.org", "https:", "https:///x", "http:x", "https://auth.example.org:port", "https://a b/",
	} {
		if _, err := Open(address); err == nil || !strings.Contains(err.Error(), "not an address of the web") {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := Open("https://auth.example.org/?state=secret"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("without a browser: %v", err)
	}
}

func TestOutOfSight(t *testing.T) {
	for _, tt := range []struct {
		system      string
		environment []string
		want        bool
	}{
		{"linux", nil, false},
		{"linux", []string{"SSH_CONNECTION"}, true},
		{"linux", []string{"SSH_TTY"}, true},
		{"freebsd", []string{"SSH_CONNECTION", "SSH_TTY"}, true},
		{"linux", []string{"SSH_CONNECTION", "DISPLAY"}, false},
		{"linux", []string{"SSH_CONNECTION", "WAYLAND_DISPLAY"}, false},
		{"linux", []string{"SSH_CONNECTION", "BROWSER"}, false},
		{"darwin", []string{"SSH_CONNECTION"}, false},
		{"windows", []string{"SSH_CONNECTION"}, false},
	} {
		got := outOfSight(tt.system, func(name string) string {
			if slices.Contains(tt.environment, name) {
				return "x"
			}
			return ""
		})
		if got != tt.want {
			t.Errorf("%s with %v: %v", tt.system, tt.environment, got)
		}
	}
}

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
