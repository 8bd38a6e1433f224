// Package doctor finds what keeps an app from signing its users in: at the DSS
// server, on this machine, and in the app's registration on Stack Apps.
//
// Each check returns [Finding]s, which say what there is and what to change. The
// checks change nothing, and only [CheckServer] sends a request to another machine.
// [Explain] says what a sign-in that was tried has shown; to try it is up to the
// caller.
package doctor

import (
	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/registration"
)

// Status says how much a finding matters.
type Status string

// The statuses.
const (
	OK       Status = "ok"
	Info     Status = "info"     // good to know
	Warning  Status = "warning"  // works, or may not work in every case
	Possible Status = "possible" // one of several possible causes of the problem before it
	Problem  Status = "problem"
)

// The checks.
const (
	Server       = "server"
	Metadata     = "metadata"
	Clocks       = "clocks"
	Proxy        = "proxy"
	Browser      = "browser"
	Loopback     = "loopback"
	KeyStore     = "key store"
	SignIn       = "sign-in"
	Registration = "registration"
	App          = "app"
)

// Finding is what a check has found. Its texts can be shown, and have no secret.
type Finding struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	Change string `json:"change"` // what to change, a sentence; "" if there is nothing
	// Cause is that of a finding about the registration.
	Cause registration.Cause `json:"cause,omitempty"`
	// Err is the kind of a problem, one of the errors of package dss; nil for most.
	Err error `json:"-"`
}

// lacking is the status of something that is missing on this machine, if a sign-in
// needs it. The device flow needs neither a browser nor a listener.
func lacking(needed bool, status Status) Status {
	if needed {
		return status
	}
	return Info
}

// short makes foreign text fit to be shown, in 300 bytes at most.
func short(text string) string { return display.Cut(display.Clean(text), 300) }
