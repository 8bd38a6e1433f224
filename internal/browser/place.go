package browser

import (
	"os"
	"os/exec"
	"runtime"

	"github.com/desktop-stack-serv/dss/internal/pattern"
)

// Place is where this process runs, as far as a browser is concerned.
type Place struct {
	Command   string // the system's command that opens addresses
	Installed bool   // the command is there
	Display   bool   // windows can be shown, or BROWSER opens addresses in another way
	SSH       bool   // this is a session over SSH
	Remote    bool   // the user is at another machine, where [Open] does not open anything
	WSL       bool   // Linux inside Windows
	Container bool
}

// FindPlace examines the environment. It opens nothing.
func FindPlace() Place {
	p := placeOf(runtime.GOOS, os.Getenv, read)
	_, err := exec.LookPath(p.Command)
	p.Installed = err == nil
	return p
}

func placeOf(system string, env func(string) string, read func(file string) []byte) Place {
	name, _ := commandOf(system)
	windows := env("DISPLAY")+env("WAYLAND_DISPLAY")+env("BROWSER") != ""
	return Place{
		Command:   name,
		Display:   system == "darwin" || system == "windows" || windows,
		SSH:       env("SSH_CONNECTION")+env("SSH_TTY") != "",
		Remote:    outOfSight(system, env),
		WSL:       env("WSL_DISTRO_NAME") != "" || system == "linux" && kernelOfWSL().Match(read("/proc/sys/kernel/osrelease")),
		Container: isContainer(system, env, read),
	}
}

// kernelOfWSL is in the release of a kernel that Microsoft builds for WSL.
var kernelOfWSL = pattern.Lazy(`(?i)microsoft.*wsl|-microsoft`)

// inContainer matches a line of /proc/self/cgroup in the containers of Docker, containerd,
// Podman, Kubernetes and LXC. Behind a cgroup namespace of its own, a container has the path "/".
var inContainer = pattern.Lazy(`(?m)^\d+:[^:]*:/(.*/)?(docker|lxc|libpod|kubepods|cri-containerd|buildkit)[/-]|kubepods[.]`)

func isContainer(system string, env func(string) string, read func(file string) []byte) bool {
	if env("container")+env("KUBERNETES_SERVICE_HOST") != "" {
		return true
	}
	if system != "linux" {
		return false
	}
	return read("/.dockerenv") != nil || read("/run/.containerenv") != nil || inContainer().Match(read("/proc/self/cgroup"))
}

// read returns what is in a file, nil if it cannot be opened.
func read(file string) []byte {
	text, _ := os.ReadFile(file)
	return text
}
