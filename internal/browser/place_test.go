package browser

import "testing"

func TestPlace(t *testing.T) {
	for _, tt := range []struct {
		system string
		env    map[string]string
		file   string // that exists
		want   Place
	}{
		{"linux", nil, "", Place{Command: "xdg-open"}},
		{"linux", map[string]string{"DISPLAY": ":0"}, "", Place{Command: "xdg-open", Display: true}},
		{"linux", map[string]string{"WAYLAND_DISPLAY": "wayland-0"}, "", Place{Command: "xdg-open", Display: true}},
		{"linux", map[string]string{"BROWSER": "wslview", "WSL_DISTRO_NAME": "Debian"}, "", Place{Command: "xdg-open", Display: true, WSL: true}},
		{"linux", map[string]string{"SSH_TTY": "/dev/pts/0"}, "", Place{Command: "xdg-open", Remote: true}},
		{"linux", map[string]string{"container": "podman"}, "", Place{Command: "xdg-open", Container: true}},
		{"linux", nil, "/.dockerenv", Place{Command: "xdg-open", Container: true}},
		{"linux", nil, "/run/.containerenv", Place{Command: "xdg-open", Container: true}},
		{"linux", map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "", Place{Command: "xdg-open", Container: true}},
		{"darwin", nil, "", Place{Command: "open", Display: true}},
		{"windows", nil, "", Place{Command: "rundll32", Display: true}},
	} {
		got := placeOf(tt.system, func(name string) string { return tt.env[name] }, func(file string) bool { return file == tt.file })
		if got != tt.want {
			t.Errorf("%s %v %s: %+v", tt.system, tt.env, tt.file, got)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if FindPlace().Installed {
		t.Error("a command is installed in an empty folder")
	}
}
