package dss

import (
	"fmt"
	"net/url"
	"os/exec"
	"runtime"
)

// OpenBrowser opens an http or https address in the user's browser. It returns
// when the browser has been asked, not when the page is there.
func OpenBrowser(address string) error {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return fmt.Errorf("dss: not an address of the web: %.40q", address)
	}
	name, arguments := browserCommand(runtime.GOOS)
	command := exec.Command(name, append(arguments, u.String())...)
	if err := command.Start(); err != nil {
		return fmt.Errorf("dss: open the browser: %w", err)
	}
	return command.Process.Release()
}

func browserCommand(system string) (name string, arguments []string) {
	switch system {
	case "darwin":
		return "open", nil
	case "windows":
		return "rundll32", []string{"url.dll,FileProtocolHandler"}
	}
	return "xdg-open", nil
}
