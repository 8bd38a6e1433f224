package browser

import (
	"os"
	"os/exec"
	"runtime"
)

// Place is where this process runs, as far as a browser is concerned.
type Place struct {
	Command   string // the system's command that opens addresses
	Installed bool   // the command is there
	Display   bool   // windows can be shown, or BROWSER opens addresses in another way
	Remote    bool   // the user is at another machine, where [Open] does not open anything
	WSL       bool   // Linux inside Windows
	Container bool
}

// FindPlace examines the environment. It opens nothing.
func FindPlace() Place {
	p := placeOf(runtime.GOOS, os.Getenv, exists)
	_, err := exec.LookPath(p.Command)
	p.Installed = err == nil
	return p
}

func placeOf(system string, env func(string) string, exists func(file string) bool) Place {
	name, _ := commandOf(system)
	windows := env("DISPLAY")+env("WAYLAND_DISPLAY")+env("BROWSER") != ""
	marked := exists("/.dockerenv") || exists("/run/.containerenv")
	return Place{
		Command:   name,
		Display:   system == "darwin" || system == "windows" || windows,
		Remote:    outOfSight(system, env),
		WSL:       env("WSL_DISTRO_NAME") != "",
		Container: marked || env("container")+env("KUBERNETES_SERVICE_HOST") != "",
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
