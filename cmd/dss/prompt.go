package main

import (
	"fmt"
	"net/url"
	"strings"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/display"
)

// texts are what dss login says to the person who signs in.
var texts = struct {
	device, opens, here, anywhere string // what to do; the address follows
	compare                       string // above the code that the page shows too
	pressEnter                    string
	elsewhere                     string // with the code, and the address without it
	noBrowser                     string
	anyBrowser, thisMachine       string // after noBrowser
	reasons                       map[dss.Reason]string
	waiting                       string
}{
	device:      "To sign in, open this address, on this machine or on another one:",
	opens:       "Your browser opens, for you to sign in. If it does not, open this address:",
	here:        "To sign in, open this address in a browser on this machine:",
	anywhere:    "To sign in, open this address in a browser, on this machine or on another one:",
	compare:     "The page in the browser shows this code. If it shows another one, stop:",
	pressEnter:  "To sign in on another device, press Enter.",
	elsewhere:   "On another device: %s at %s",
	noBrowser:   "The browser cannot be opened. Open the address above yourself.",
	anyBrowser:  "Any browser will do, here or on another machine, as with --flow device.",
	thisMachine: "It has to be on this machine. For another one, start again with --flow device.",
	reasons: map[dss.Reason]string{
		dss.ReasonSSH:        "This is an SSH session, so your browser may be on another machine.",
		dss.ReasonContainer:  "This is a container, so your browser may be outside.",
		dss.ReasonWSL:        "This is WSL, so your browser may not come back to it.",
		dss.ReasonNoDisplay:  "There is no display here.",
		dss.ReasonNoListener: "This machine does not let dss listen on 127.0.0.1.",
		dss.ReasonSilence:    "No browser on this machine has come yet.",
	},
	waiting: "Waiting for you to sign in",
}

// instruct prints what the user has to do. The URL has a line of its own.
func (s *screen) instruct(signIn *dss.SignIn, opens bool) error {
	if !isAddress(signIn.URL) {
		return fmt.Errorf("the server sends something other than an address: %.40q", signIn.URL)
	}
	what := texts.anywhere
	switch {
	case signIn.Flow == dss.FlowDevice:
		what = texts.device
		if why := texts.reasons[signIn.Reason]; why != "" {
			what = why + "\n" + what
		}
	case opens:
		what = texts.opens
	case signIn.Flow == dss.FlowLoopback:
		what = texts.here
	}
	s.printf("%s\n\n%s\n\n", what, signIn.URL)
	if !opens && signIn.Flow != dss.FlowLoopback {
		s.drawQR(signIn.URL)
	}
	if code := display.Clean(signIn.MatchCode + signIn.UserCode); code != "" {
		s.printf("%s\n\n    %s\n\n", texts.compare, code)
	}
	return nil
}

// showElsewhere prints how to sign in on another device, beside what instruct has
// printed.
func (s *screen) showElsewhere(signIn *dss.SignIn) error {
	if !isAddress(signIn.URL) || !isAddress(signIn.VerificationURL) {
		return fmt.Errorf("the server sends something other than an address: %.40q", signIn.URL)
	}
	if why := texts.reasons[signIn.Reason]; why != "" {
		s.printf("%s\n", why)
	}
	s.printf(texts.elsewhere+"\n\n", signIn.UserCode, signIn.VerificationURL)
	s.drawQR(signIn.URL)
	return nil
}

// noBrowser says what to do if the browser does not open. In the flow auto, another
// device comes next.
func (s *screen) noBrowser(signIn *dss.SignIn, err error, auto bool) {
	where := texts.anyBrowser
	switch {
	case auto:
		where = ""
	case signIn.Flow == dss.FlowLoopback:
		where = texts.thisMachine
	}
	for _, line := range []string{texts.noBrowser, where, "(" + display.Clean(err.Error()) + ")\n"} {
		if line != "" {
			s.printf("%s\n", line)
		}
	}
}

// isAddress is false for text that could control the terminal.
func isAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") &&
		display.Clean(text) == text && !strings.Contains(text, " ")
}
