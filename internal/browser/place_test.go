package browser

import (
	"strings"
	"testing"
)

func TestPlace(t *testing.T) {
	for _, tt := range []struct {
		system string
		env    map[string]string
		file   string // that exists, and what is in it after a space
		want   Place
	}{
		{"linux", nil, "", Place{Command: "xdg-open"}},
		{"linux", map[string]string{"DISPLAY": ":0"}, "", Place{Command: "xdg-open", Display: true}},
		{"linux", map[string]string{"WAYLAND_DISPLAY": "wayland-0"}, "", Place{Command: "xdg-open", Display: true}},
		{"linux", map[string]string{"BROWSER": "wslview", "WSL_DISTRO_NAME": "Debian"}, "", Place{Command: "xdg-open", Display: true, WSL: true}},
		{"linux", map[string]string{"SSH_TTY": "/dev/pts/0"}, "", Place{Command: "xdg-open", SSH: true, Remote: true}},
		{"linux", map[string]string{"SSH_CONNECTION": "a", "DISPLAY": ":10"}, "", Place{Command: "xdg-open", SSH: true, Display: true}},
		{"darwin", map[string]string{"SSH_CONNECTION": "a"}, "", Place{Command: "open", SSH: true, Display: true}},
		{"linux", map[string]string{"container": "podman"}, "", Place{Command: "xdg-open", Container: true}},
		{"linux", nil, "/.dockerenv", Place{Command: "xdg-open", Container: true}},
		{"linux", nil, "/run/.containerenv", Place{Command: "xdg-open", Container: true}},
		{"linux", map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "", Place{Command: "xdg-open", Container: true}},
		{"linux", nil, "/proc/sys/kernel/osrelease 5.15.167.4-microsoft-standard-WSL2", Place{Command: "xdg-open", WSL: true}},
		{"linux", nil, "/proc/sys/kernel/osrelease 4.4.0-19041-Microsoft", Place{Command: "xdg-open", WSL: true}},
		{"linux", nil, "/proc/sys/kernel/osrelease 6.12.0-amd64", Place{Command: "xdg-open"}},
		{"linux", nil, "/proc/self/cgroup 12:pids:/docker/3601745b3bd5", Place{Command: "xdg-open", Container: true}},
		{"linux", nil, "/proc/self/cgroup 0::/system.slice/docker-3601745b3bd5.scope", Place{Command: "xdg-open", Container: true}},
		{"linux", nil, "/proc/self/cgroup 4:cpu:/kubepods/burstable/pod2f/3601", Place{Command: "xdg-open", Container: true}},
		{"linux", nil, "/proc/self/cgroup 0::/kubepods.slice/kubepods-pod2f.slice", Place{Command: "xdg-open", Container: true}},
		{"linux", nil, "/proc/self/cgroup 0::/machine.slice/libpod-3601.scope/container", Place{Command: "xdg-open", Container: true}},
		{"linux", nil, "/proc/self/cgroup 0::/lxc/web/user.slice", Place{Command: "xdg-open", Container: true}},
		{"linux", nil, "/proc/self/cgroup 0::/user.slice/user-1000.slice/session-2.scope", Place{Command: "xdg-open"}},
		{"linux", nil, "/proc/self/cgroup 0::/system.slice/docker.service", Place{Command: "xdg-open"}},
		{"darwin", nil, "", Place{Command: "open", Display: true}},
		{"windows", nil, "", Place{Command: "rundll32", Display: true}},
	} {
		got := placeOf(tt.system, func(name string) string { return tt.env[name] }, func(file string) []byte {
			name, text, _ := strings.Cut(tt.file, " ")
			if file != name {
				return nil
			}
			return []byte(text)
		})
		if got != tt.want {
			t.Errorf("%s %v %s: %+v", tt.system, tt.env, tt.file, got)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if FindPlace().Installed {
		t.Error("a command is installed in an empty folder")
	}
}
