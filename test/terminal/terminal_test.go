//go:build integration

// Package terminal_test runs the real binary in a real terminal, tmux, and
// looks at what a person sees there.
package terminal_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/program"
)

const (
	columns, rows = 80, 50
	// limit bounds every wait; nothing comes near it.
	limit = 3 * time.Minute
	pause = 20 * time.Millisecond
)

var (
	folder string // for this run alone
	binary string
	server string // where it listens
)

func TestMain(m *testing.M) {
	program.Main(func() int { return run(m) }, program.Raced(&binary))
}

func run(m *testing.M) int {
	if _, err := exec.LookPath("tmux"); err != nil {
		fmt.Fprintln(os.Stderr, "test/setup installs tmux:", err)
		return 1
	}
	folder = filepath.Dir(binary)
	running, err := program.Serve(exec.Command(binary, "serve", "--sandbox", "--listen", "127.0.0.1:0", "--store", "memory:"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer running.Kill()
	server = running.URL
	if _, err := tmux("start-server", ";", "set-option", "-g", "exit-empty", "off"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer tmux("kill-server")
	if err := flag.Set("test.parallel", "8"); err != nil { // they wait for polls more than they compute
		panic(err)
	}
	return m.Run()
}

// tmux talks to a tmux server of this process's own. The environment of the
// tests does not get in.
func tmux(args ...string) (string, error) {
	command := exec.Command("tmux", append([]string{"-u", "-L", fmt.Sprintf("dss-%d", os.Getpid()), "-f", "/dev/null"}, args...)...)
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "TMUX_TMPDIR=" + folder, "TERM=xterm-256color", "LC_ALL=C.UTF-8"}
	out, err := command.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("tmux %s: %w: %s", args[0], err, out)
	}
	return string(out), err
}

// terminal is a window of 80 columns in which dss login runs.
type terminal struct {
	t    *testing.T
	name string
}

// login runs dss login at the server.
func login(t *testing.T, env []string, args ...string) *terminal {
	t.Helper()
	return dss(t, env, append([]string{"login", "--server", server, "--client-id", "7", "--stackexchange-url", server + "/sandbox"}, args...)...)
}

// dss runs a command, and says its exit status below what it prints.
func dss(t *testing.T, env []string, args ...string) *terminal {
	t.Helper()
	return start(t, slices.Concat(env, []string{binary}, args)...)
}

// start runs a command, which variables may precede, and says its exit status
// below what it prints.
func start(t *testing.T, command ...string) *terminal {
	t.Helper()
	s := &terminal{t, strings.NewReplacer("/", "-", " ", "-", ",", "", ":", "").Replace(t.Name())}
	window := []string{"new-session", "-d", "-s", s.name, "-x", fmt.Sprint(columns), "-y", fmt.Sprint(rows), "--",
		"sh", "-c", `trap : INT; "$@"; echo "status $?"; exec cat`, "sh", "env"}
	s.tmux(append(window, command...)...)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the screen:\n%s", s.look())
		}
		s.tmux("kill-session", "-t", s.target())
	})
	return s
}

func (s *terminal) target() string { return "=" + s.name + ":" }

func (s *terminal) tmux(args ...string) string {
	s.t.Helper()
	out, err := tmux(args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *terminal) capture(options ...string) string {
	s.t.Helper()
	return s.tmux(append([]string{"capture-pane", "-p", "-S", "-", "-t", s.target()}, options...)...)
}

// look returns the rows of the screen.
func (s *terminal) look() string { return s.capture() }

// lines are what was printed, before the terminal wrapped it.
func (s *terminal) lines() []string {
	lines := strings.Split(s.capture("-J"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// until polls.
func (s *terminal) until(what string, there func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(limit); !there(); time.Sleep(pause) {
		if time.Now().After(deadline) {
			s.t.Fatalf("after %v, still no %s", limit, what)
		}
	}
}

func (s *terminal) untilWaiting() {
	s.t.Helper()
	s.until("instructions", func() bool { return strings.Contains(s.look(), waiting) })
}

// untilEnd waits for the exit status and returns what was printed before it.
func (s *terminal) untilEnd(status int) []string {
	s.t.Helper()
	var lines []string
	s.until("end", func() bool {
		lines = s.lines()
		return len(lines) > 0 && strings.HasPrefix(lines[len(lines)-1], "status ")
	})
	if got, want := lines[len(lines)-1], fmt.Sprint("status ", status); got != want {
		s.t.Errorf("ends with %q, want %q", got, want)
	}
	if got := s.tmux("display-message", "-p", "-t", s.target(), "#{cursor_flag} #{cursor_x}"); got != "1 0\n" {
		s.t.Errorf("the cursor is hidden, or not at the start of a line: %q", got)
	}
	return lines[:len(lines)-1]
}

var urlLine = regexp.MustCompile(`^https?://\S+$`)

// url returns the address that stands on a line of its own.
func (s *terminal) url() string {
	s.t.Helper()
	lines := s.lines()
	for i, line := range lines {
		if urlLine.MatchString(line) {
			if i == 0 || lines[i-1] != "" || i+1 == len(lines) || lines[i+1] != "" {
				s.t.Error("the address does not stand out")
			}
			return line
		}
	}
	s.t.Fatal("no address on a line of its own")
	return ""
}
