//go:build integration

package terminal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/scripted"
)

var elsewhere = regexp.MustCompile(`(?m)^On another device: ([A-Z]{4}-[A-Z]{4}) at (http\S+/device)$`)

// untilElsewhere waits for the code for another device, and returns the address to open
// there.
func (s *terminal) untilElsewhere() (address string) {
	s.t.Helper()
	s.until("code for another device", func() bool {
		line := elsewhere.FindStringSubmatch(strings.Join(s.lines(), "\n"))
		if line != nil {
			address = line[2] + "?user_code=" + line[1]
		}
		return line != nil
	})
	return address
}

// opener puts a shell script in place of the command that opens the browser.
func opener(t *testing.T, script string) (path string) {
	t.Helper()
	programs := t.TempDir()
	if err := os.WriteFile(filepath.Join(programs, "xdg-open"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return "PATH=" + programs + ":" + os.Getenv("PATH")
}

// TestAuto: where the browser is elsewhere, or its command fails or hangs, one command signs
// the user in all the same, in either way. An interrupt at each stage ends it.
func TestAuto(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  []string
		says string
	}{
		"ssh":         {[]string{"SSH_CONNECTION=192.0.2.1 5 192.0.2.2 22"}, "This is an SSH session, so your browser may be on another machine."},
		"no opener":   {[]string{"PATH=" + t.TempDir()}, "The browser could not be opened. Open the address above yourself."},
		"it fails":    {[]string{opener(t, "exit 3\n")}, "(xdg-open: exit status 3)"},
		"it hangs":    {[]string{opener(t, "exec sleep 300\n")}, "Sign in with the browser that is opening. If none opens, go to this address:"},
		"a container": {[]string{"container=podman", opener(t, "exit 0\n")}, "This is a container, so your browser may be outside."},
		"WSL":         {[]string{"WSL_DISTRO_NAME=Debian", opener(t, "exit 0\n")}, "This is WSL, so your browser may not find its way back here."},
	} {
		for _, ending := range []string{"here", "elsewhere", "denied", "interrupted"} {
			t.Run(name+" "+ending, func(t *testing.T) {
				t.Parallel()
				s := login(t, c.env, "--scope", "read_inbox")
				address := s.untilElsewhere()
				s.untilWaiting()
				if !strings.Contains(strings.Join(s.lines(), "\n"), c.says+"\n") {
					t.Errorf("it does not say %q", c.says)
				}
				s.checkWidth()
				status := 0
				switch ending {
				case "here":
					s.signIn(s.url(), "")
				case "elsewhere":
					s.signIn(address, "")
				case "denied":
					status = 3
					if _, err := scripted.New().Visit(address, scripted.Denies); err != nil {
						t.Fatal(err)
					}
				case "interrupted":
					status = 130
					s.keys("C-c")
				}
				lines := s.untilEnd(status)
				s.checkClean(lines)
				if last := lines[len(lines)-1]; status == 0 && !token.MatchString(last) || status != 0 && !strings.HasPrefix(last, "dss: ") {
					t.Errorf("the last line is %q", last)
				}
				if page, err := scripted.New().Open(address); err != nil || page.Status != 404 {
					t.Errorf("the code for another device still leads to %d, %v", page.Status, err)
				}
			})
		}
	}
}

// desktop runs a command in a root without the files that mark a container, wherever the
// tests run: a machine with a display.
const desktop = `
root=$(mktemp -d) && mount -t tmpfs tmpfs "$root" || exit
for one in /*; do
	if [ -L "$one" ]; then cp -P "$one" "$root"; elif [ -d "$one" ]; then mkdir "$root$one" && mount --rbind "$one" "$root$one"; fi
done
exec chroot "$root" env DISPLAY=:0 "$@"`

// TestAutoDesktop: a browser that comes is enough. If it does not, or the person presses Enter,
// the code comes.
func TestAutoDesktop(t *testing.T) {
	t.Parallel()
	for _, ending := range []string{"browser", "Enter", "silence"} {
		t.Run(ending, func(t *testing.T) {
			t.Parallel()
			note := filepath.Join(t.TempDir(), "note")
			path := opener(t, fmt.Sprintf("echo \"$1\" >'%s.new' && mv '%s.new' '%s'\n", note, note, note))
			s := start(t, "unshare", "--mount", "--map-root-user", "sh", "-c", desktop, "sh", path,
				binary, "login", "--server", server, "--client-id", "7", "--timeout", "50s")
			s.untilWaiting()
			var opened []byte
			s.until("browser", func() (there bool) {
				var err error
				opened, err = os.ReadFile(note)
				return err == nil
			})
			if !strings.HasPrefix(string(opened), "http://127.0.0.1:") || strings.Contains(s.look(), string(opened)) {
				t.Errorf("the browser opens %s", opened)
			}
			address := strings.TrimSpace(string(opened))
			switch ending {
			case "Enter":
				s.keys("Enter")
				address = s.untilElsewhere()
			case "silence":
				address = s.untilElsewhere()
				if !strings.Contains(s.look(), "No browser on this machine has responded yet.") {
					t.Error("it does not say why")
				}
			}
			s.signIn(address, "")
			text := strings.Join(s.untilEnd(0), "\n")
			if elsewhere.MatchString(text) != (ending != "browser") || !strings.Contains(text, "To sign in on another device, press Enter.") {
				t.Error("a code for another device, or none")
			}
		})
	}
}

// TestTokenTogether: of ten scripts that start at once, one signs in.
func TestTokenTogether(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	for _, want := range []string{"sign in", "stored"} {
		t.Run(want, func(t *testing.T) {
			s := start(t, "HOME="+home, "XDG_CONFIG_HOME=", "DSS="+binary, "SERVER="+server, "sh", "-c", `
				for i in 0 1 2 3 4 5 6 7 8 9; do
					"$DSS" token --server "$SERVER" --client-id 7 --insecure-storage --flow loopback --no-browser >"$HOME/$i" &
				done
				wait; sort "$HOME"/[0-9] | uniq -c; sort "$HOME"/[0-9] | uniq -c | wc -l`)
			if want == "sign in" {
				s.untilWaiting()
				s.signIn(s.url(), "")
			}
			lines := s.untilEnd(0)
			if fmt.Sprint(strings.Fields(lines[len(lines)-1])) != "[1]" || !strings.HasPrefix(strings.TrimSpace(lines[len(lines)-2]), "10 ") {
				t.Errorf("the last lines are %q", lines[len(lines)-2:])
			}
			if n := strings.Count(strings.Join(lines, "\n"), "To sign in, open this address"); n > 1 || (n == 1) != (want == "sign in") {
				t.Errorf("%d sign-ins", n)
			}
		})
	}
}
