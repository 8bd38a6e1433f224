package dss

import (
	"fmt"
	"time"

	"github.com/desktop-stack-serv/dss/internal/browser"
)

// browserTime is how long a command that opens the browser is watched. Some
// stay as long as the browser runs.
const browserTime = 3 * time.Second

// OpenBrowser opens an http or https address in the user's browser. It returns
// when the system's command for that has ended, or after 3 s: by then the
// browser has been asked, but the page may not be there yet. An error means that
// no page will come, as over SSH without a display; [FlowDevice] works without a
// browser on this machine. The browser gets no DSS_ variable of the environment,
// and no interrupt from our terminal.
func OpenBrowser(address string) error {
	ended, err := browser.Open(address)
	if err == nil {
		timer := time.NewTimer(browserTime)
		defer timer.Stop()
		select {
		case err = <-ended:
		case <-timer.C:
		}
	}
	if err != nil {
		return fmt.Errorf("dss: open the browser: %w", err)
	}
	return nil
}
