//go:build integration

package terminal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/desktop-stack-serv/dss/internal/scripted"
)

const (
	waiting = "Waiting for you to sign in"
	frames  = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
	blocks  = "█▀▄"
)

// flow is a way in, without a browser on this machine.
type flow struct {
	name string
	says string         // what to do
	code *regexp.Regexp // the line with the code to compare
	qr   bool
}

var (
	loopback = flow{"loopback", "To sign in, open this address in a browser on this machine:", nil, false}
	relay    = flow{"relay", "To sign in, open this address in a browser, on this machine or on another one:", regexp.MustCompile(`^    (\w{3}-\w{3})$`), true}
	device   = flow{"device", "To sign in, open this address, on this machine or on another one:", regexp.MustCompile(`^    (\w{4}-\w{4})$`), true}
	flows    = []flow{loopback, relay, device}
)

func (f flow) login(t *testing.T, env ...string) *terminal {
	t.Helper()
	s := login(t, env, "--flow", f.name, "--no-browser", "--scope", "read_inbox,write_access")
	s.untilWaiting()
	return s
}

// check looks at everything but the QR code, and returns the code to compare.
func (f flow) check(s *terminal) (code string) {
	s.t.Helper()
	lines := s.lines()
	if lines[0] != f.says {
		s.t.Errorf("it begins with %q, want %q", lines[0], f.says)
	}
	s.checkWidth()
	if f.code == nil {
		return ""
	}
	for i, line := range lines {
		if match := f.code.FindStringSubmatch(line); match != nil && lines[i-1] == "" && lines[i+1] == "" {
			if lines[i-2] != "The page in the browser shows this code. If it shows another one, stop:" {
				s.t.Errorf("above the code is %q", lines[i-2])
			}
			return match[1]
		}
	}
	s.t.Fatal("no code to compare")
	return ""
}

// checkWidth allows only the address to be wrapped.
func (s *terminal) checkWidth() {
	s.t.Helper()
	url := s.url()
	for _, line := range s.lines() {
		if utf8.RuneCountInString(line) > columns && line != url {
			s.t.Errorf("wider than the terminal: %q", line)
		}
	}
	if rest := len(url) % columns; len(url) > columns && !strings.Contains(s.look(), "\n"+url[len(url)-rest:]+"\n") {
		s.t.Error("the address is not wrapped where the terminal ends")
	}
}

var tag = regexp.MustCompile(`<[^>]*>`)

// shows reports whether a page has a code on it, whose characters may be tiles.
func shows(page scripted.Page, code string) bool {
	return strings.Contains(tag.ReplaceAllString(page.Body, ""), code)
}

// signIn is what a willing user does, who compares the codes first.
func (s *terminal) signIn(url, code string) {
	s.t.Helper()
	browser := scripted.New()
	page, err := browser.Open(url)
	shown := shows(page, code)
	if err == nil {
		page, err = browser.Visit(url, scripted.User{"continue", "approve"})
	}
	if shown = shown || shows(page, code); !shown {
		s.t.Errorf("no page shows %s", code)
	}
	if err == nil && page.Has("finish") {
		page, err = browser.Press(page, "finish")
	}
	if err != nil || page.Status >= 400 {
		s.t.Fatalf("the user ends at %v: %d %v", page.URL, page.Status, err)
	}
}

// checkClean looks for what the waiting has left behind, once it is over.
func (s *terminal) checkClean(lines []string) {
	s.t.Helper()
	if text := strings.Join(lines, "\n"); strings.Contains(text, waiting) || strings.ContainsAny(text, frames) {
		s.t.Error("the spinner is still there")
	}
}

var token = regexp.MustCompile(`^[^ ]{8,80}$`)

// TestSignIn follows every flow to its end.
func TestSignIn(t *testing.T) {
	t.Parallel()
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := f.login(t)
			code := f.check(s)
			if strings.ContainsAny(s.look(), blocks) != f.qr {
				t.Errorf("a QR code, or none")
			}
			s.signIn(s.url(), code)
			lines := s.untilEnd(0)
			s.checkClean(lines)
			if last := len(lines) - 1; !token.MatchString(lines[last]) || lines[last-1] != "" {
				t.Errorf("the last lines are %q", lines[last-1:])
			}
		})
	}
}

// TestQRCode reads it in every flow that has one, on dark and light, with and
// without colours.
func TestQRCode(t *testing.T) {
	t.Parallel()
	for _, f := range []flow{relay, device} {
		for name, c := range map[string]struct {
			env    []string
			colors theme
			plain  bool
		}{
			"dark":                  {[]string{"COLORFGBG=15;0"}, dark, false},
			"light":                 {[]string{"COLORFGBG=0;15"}, light, false},
			"dark, unsaid":          {nil, dark, false},
			"light, unsaid":         {nil, light, false},
			"no colours, dark":      {[]string{"NO_COLOR=1", "COLORFGBG=15;0"}, dark, true},
			"no colours, light":     {[]string{"NO_COLOR=1", "COLORFGBG=0;15"}, light, true},
			"no colours, unsaid":    {[]string{"NO_COLOR=1"}, dark, true},
			"NO_COLOR says nothing": {[]string{"NO_COLOR="}, light, false},
		} {
			t.Run(f.name+", "+name, func(t *testing.T) {
				t.Parallel()
				s := f.login(t, c.env...)
				s.checkQR(c.colors)
				f.check(s)
				if strings.Contains(s.capture("-e"), "\x1b") == c.plain {
					t.Error("escape sequences, or none")
				}
			})
		}
	}
}

// TestNoColorAtAll: until the end, and in the flow without a QR code too.
func TestNoColorAtAll(t *testing.T) {
	t.Parallel()
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := f.login(t, "NO_COLOR=1")
			s.signIn(s.url(), f.check(s))
			s.untilEnd(0)
			if strings.Contains(s.capture("-e"), "\x1b") {
				t.Errorf("escape sequences: %q", s.capture("-e"))
			}
		})
	}
}

func TestSpinnerMoves(t *testing.T) {
	t.Parallel()
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := f.login(t)
			before := s.look()
			var after string
			s.until("movement", func() bool { after = s.look(); return after != before })
			for _, frame := range frames {
				before, after = strings.ReplaceAll(before, string(frame), "?"), strings.ReplaceAll(after, string(frame), "?")
			}
			if before != after || strings.Count(after, "? "+waiting) != 1 {
				t.Errorf("more than the spinner has moved:\n%s\n%s", before, after)
			}
		})
	}
}

// TestDumb is a terminal that only prints line after line.
func TestDumb(t *testing.T) {
	t.Parallel()
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := f.login(t, "TERM=dumb")
			s.signIn(s.url(), f.check(s))
			lines := s.untilEnd(0)
			if text := s.capture("-e"); strings.ContainsAny(text, frames+blocks+"\x1b") {
				t.Errorf("more than plain text: %q", text)
			}
			if last := len(lines) - 1; lines[last-1] != waiting+"." || !token.MatchString(lines[last]) {
				t.Errorf("the last lines are %q", lines[last-1:])
			}
		})
	}
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := f.login(t)
			s.tmux("send-keys", "-t", s.target(), "C-c")
			lines := s.untilEnd(130)
			s.checkClean(lines)
			if last := len(lines) - 1; lines[last] != "dss: interrupted" || lines[last-1] != "" {
				t.Errorf("the last lines are %q", lines[last-1:])
			}
		})
	}
}

func TestDenial(t *testing.T) {
	t.Parallel()
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := f.login(t)
			if _, err := scripted.New().Visit(s.url(), scripted.Denies); err != nil {
				t.Fatal(err)
			}
			lines := s.untilEnd(3)
			s.checkClean(lines)
			s.checkWidth()
			if last := len(lines) - 1; !regexp.MustCompile(`^dss: .*access was denied`).MatchString(lines[last]) || lines[last-1] != "" {
				t.Errorf("the last lines are %q", lines[last-1:])
			}
		})
	}
}

// TestScopeQuestion asks about a scope that looks like a mistake.
func TestScopeQuestion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ key, typed, scope string }{
		{"Enter", "read_inbx", "read_inbox"},
		{"y", "read_inbx", "read_inbox"},
		{"y", "Read-Inbox", "read_inbox"},
		{"y", "read inbox", "read_inbox"},
		{"n", "read_inbx", "read_inbx"},
		{"C-c", "read_inbx", ""},
	} {
		t.Run(c.key+" "+c.typed, func(t *testing.T) {
			t.Parallel()
			s := login(t, nil, "--flow", "loopback", "--no-browser", "--scope", c.typed)
			s.until("question", func() bool { return strings.Contains(s.look(), "Did you mean read_inbox? [Y/n]") })
			s.tmux("send-keys", "-t", s.target(), c.key, "Enter")
			if c.scope == "" {
				s.until("end", func() bool { return strings.Contains(s.look(), "status 130") })
				return
			}
			s.untilWaiting()
			if url := s.url(); !strings.Contains(url, "scope="+c.scope+"&") {
				t.Errorf("the address is %s", url)
			}
		})
	}
}

// TestTokenPrompt says what it waits for.
func TestTokenPrompt(t *testing.T) {
	t.Parallel()
	s := dss(t, nil, "whoami", "-", "--stackexchange-api-url", "http://127.0.0.1:1")
	s.until("prompt", func() bool { return strings.Contains(s.look(), "Paste the access token and press Enter:") })
	s.tmux("send-keys", "-t", s.target(), "not a token", "Enter")
	s.untilEnd(2)
}

// TestBrowser has a browser that only notes where it is sent.
func TestBrowser(t *testing.T) {
	t.Parallel()
	for _, f := range []flow{{"loopback", "", nil, false}, {"relay", "", relay.code, false}} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			f.says = "Sign in with the browser that is opening. If none opens, go to this address:"
			programs := t.TempDir()
			note := filepath.Join(programs, "note")
			script := fmt.Sprintf("#!/bin/sh\nprintf '%%s\\n' \"$@\" >'%s.new' && /bin/mv '%s.new' '%s'\n", note, note, note)
			if err := os.WriteFile(filepath.Join(programs, "xdg-open"), []byte(script), 0o700); err != nil {
				t.Fatal(err)
			}
			s := login(t, []string{"PATH=" + programs}, "--flow", f.name)
			s.untilWaiting()
			code := f.check(s)
			var opened []byte
			s.until("browser", func() (there bool) {
				var err error
				opened, err = os.ReadFile(note)
				return err == nil
			})
			if url := s.url(); string(opened) != url+"\n" {
				t.Errorf("the browser opens %q, the screen shows %q", opened, url)
			}
			if strings.ContainsAny(s.look(), blocks) {
				t.Error("a QR code, although the browser is here")
			}
			s.signIn(strings.TrimSpace(string(opened)), code)
			s.checkClean(s.untilEnd(0))
		})
	}
}

// TestNoBrowser is a machine that has none.
func TestNoBrowser(t *testing.T) {
	t.Parallel()
	s := login(t, []string{"PATH=" + t.TempDir()}, "--flow", "loopback")
	s.untilWaiting()
	s.checkWidth()
	if !slices.Contains(s.lines(), "The browser could not be opened. Open the address above yourself.") {
		t.Error("nobody says what to do now")
	}
	s.signIn(s.url(), "")
	s.checkClean(s.untilEnd(0))
}
