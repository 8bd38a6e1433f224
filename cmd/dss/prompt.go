package main

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/web/text"
)

// reasons name the texts about why the browser may be elsewhere.
var reasons = map[dss.Reason]string{
	dss.ReasonSSH:        "login.reason.ssh",
	dss.ReasonContainer:  "login.reason.container",
	dss.ReasonWSL:        "login.reason.wsl",
	dss.ReasonNoDisplay:  "login.reason.no_display",
	dss.ReasonNoListener: "login.reason.no_listener",
	dss.ReasonSilence:    "login.reason.silence",
}

// text returns what dss login says to the person who signs in, in their language.
func (s *screen) text(name string, values ...any) string {
	said, err := cmp.Or(s.language, text.English).Plain(name, values...)
	if err != nil { // the tests say so first
		return name
	}
	return said
}

// instruct prints what the user has to do. The URL has a line of its own.
func (s *screen) instruct(signIn *dss.SignIn, opens bool) error {
	if !isAddress(signIn.URL) {
		return fmt.Errorf("the server sends something other than an address: %.40q", signIn.URL)
	}
	what := s.text("login.anywhere")
	switch {
	case signIn.Flow == dss.FlowDevice:
		what = s.text("login.device")
		if why := reasons[signIn.Reason]; why != "" {
			what = s.text(why) + "\n" + what
		}
	case opens:
		what = s.text("login.opens")
	case signIn.Flow == dss.FlowLoopback:
		what = s.text("login.here")
	}
	s.printf("%s\n\n%s\n\n", what, signIn.URL)
	if !opens && signIn.Flow != dss.FlowLoopback {
		s.drawQR(signIn.URL)
	}
	if code := display.Clean(signIn.MatchCode + signIn.UserCode); code != "" {
		s.printf("%s\n\n    %s\n\n", s.text("login.compare"), code)
	}
	return nil
}

// showElsewhere prints how to sign in on another device, beside what instruct has
// printed.
func (s *screen) showElsewhere(signIn *dss.SignIn) error {
	if !isAddress(signIn.URL) || !isAddress(signIn.VerificationURL) {
		return fmt.Errorf("the server sends something other than an address: %.40q", signIn.URL)
	}
	if why := reasons[signIn.Reason]; why != "" {
		s.printf("%s\n", s.text(why))
	}
	s.printf("%s\n\n", s.text("login.elsewhere", "code", signIn.UserCode, "page", signIn.VerificationURL))
	s.drawQR(signIn.URL)
	return nil
}

// noDevice says that only a browser on this machine will do.
func (s *screen) noDevice(err error) {
	s.printf("%s\n(%s)\n\n", s.text("login.no_device"), display.Clean(err.Error()))
}

// noBrowser says what to do if the browser does not open. In the flow auto, another
// device comes next.
func (s *screen) noBrowser(signIn *dss.SignIn, err error, auto bool) {
	where := s.text("login.any_browser")
	switch {
	case auto:
		where = ""
	case signIn.Flow == dss.FlowLoopback:
		where = s.text("login.this_machine")
	}
	for _, line := range []string{s.text("login.no_browser"), where, "(" + display.Clean(err.Error()) + ")\n"} {
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
