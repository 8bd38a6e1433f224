package browser

import (
	"slices"
	"strings"
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
