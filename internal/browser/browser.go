// Package browser opens the user's browser, and reports whether that works.
//
// It runs the system's command for that in a session of its own, so that an
// interrupt typed into the terminal does not reach the browser, and without the
// DSS_ variables of our environment, which may hold a token.
package browser

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// ErrNoDisplay means that the user would not see a browser that opens here.
var ErrNoDisplay = errors.New("this is an SSH session without a display")

// Open has the system open an http or https address. The channel gets one
// value when the system's command has ended: nil if it succeeded. That may take
// as long as the browser runs.
func Open(address string) (<-chan error, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return nil, fmt.Errorf("not an address of the web: %.40q", address)
	}
	if outOfSight(runtime.GOOS, os.Getenv) {
		return nil, ErrNoDisplay
	}
	name, arguments := commandOf(runtime.GOOS)
	command := exec.Command(name, append(arguments, u.String())...)
	command.Env = withoutOurs(os.Environ())
	command.SysProcAttr = ownSession()
	if err := command.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() {
		err := command.Wait()
		if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
		ended <- err
	}()
	return ended, nil
}

func commandOf(system string) (name string, arguments []string) {
	switch system {
	case "darwin":
		return "open", nil
	case "windows":
		return "rundll32", []string{"url.dll,FileProtocolHandler"}
	}
	return "xdg-open", nil
}

// outOfSight reports whether the user sits at another machine. BROWSER may
// name a program that opens addresses there.
func outOfSight(system string, env func(string) string) bool {
	return system != "darwin" && system != "windows" && env("SSH_CONNECTION")+env("SSH_TTY") != "" &&
		env("DISPLAY")+env("WAYLAND_DISPLAY")+env("BROWSER") == ""
}

// withoutOurs leaves out DSS_TOKEN and all other settings of ours.
func withoutOurs(environment []string) []string {
	kept := []string{} // nil would be the whole environment
	for _, variable := range environment {
		if !strings.HasPrefix(strings.ToUpper(variable), "DSS_") {
			kept = append(kept, variable)
		}
	}
	return kept
}
