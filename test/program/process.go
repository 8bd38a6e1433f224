package program

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Patience bounds every wait for a process; nothing comes near it.
const Patience = time.Minute

// Process is one that a test has started.
type Process struct {
	Cmd            *exec.Cmd
	URL            string // of a server that is ready
	Stdout, Stderr Log    // what it has written so far
	ended          chan struct{}
}

// Start runs a server until the test ends: `dss serve` with args. It returns
// when the server accepts connections.
func Start(t testing.TB, binary string, args ...string) *Process {
	t.Helper()
	readSource(t)
	p, err := Serve(exec.Command(binary, append([]string{"serve"}, args...)...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

// Serve starts a command that serves. It returns when the server accepts
// connections; if that fails, nothing runs any more.
func Serve(cmd *exec.Cmd) (*Process, error) {
	p, err := Launch(cmd)
	if err != nil {
		return nil, err
	}
	if err := p.Ready(); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// Launch starts a command. [Process.Kill] has to be called in the end. If
// cmd.Env is nil, it gets [Environment]. If cmd.Stdout or cmd.Stderr is nil, it
// is kept in [Process.Stdout] or [Process.Stderr].
func Launch(cmd *exec.Cmd) (*Process, error) {
	p := &Process{Cmd: cmd, ended: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = &p.Stdout
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.Stderr
	}
	if cmd.Env == nil {
		cmd.Env = Environment()
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; test/setup installs what is needed", err)
	}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // ExitCode tells
	}()
	return p, nil
}

// Environment is that of the tests without the settings of a server, and with
// [RaceEnv].
func Environment() []string {
	env := slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "DSS_") })
	return append(env, RaceEnv)
}

// RaceEnv has a binary that detects races end at the first one, and not wait
// at the end.
const RaceEnv = "GORACE=halt_on_error=1 atexit_sleep_ms=0"

var readyLine = regexp.MustCompile(`(?m)^DSS is ready at (https?://\S+)$`)

// Ready waits for the line that tells the server's URL.
func (p *Process) Ready() error {
	return p.Until("ready", func() bool {
		match := readyLine.FindStringSubmatch(p.Stdout.String())
		if match != nil {
			p.URL = match[1]
		}
		return match != nil
	})
}

// Until waits for something that the process brings about. It is an error if
// the process ends before that, or if it takes longer than [Patience].
func (p *Process) Until(what string, happened func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(Patience)
	for !happened() {
		select {
		case <-tick.C:
		case <-p.ended:
			if !happened() {
				return p.failed(what + ": it has ended: " + p.Cmd.ProcessState.String())
			}
			return nil
		case <-deadline:
			return p.failed(fmt.Sprintf("%s: not within %v", what, Patience))
		}
	}
	return nil
}

func (p *Process) failed(what string) error {
	return fmt.Errorf("%s: %s\n%s%s", p.Cmd.Path, what, p.Stdout.String(), p.Stderr.String())
}

// Kill ends the process at once, and returns when it has ended. It may be
// called several times.
func (p *Process) Kill() {
	_ = p.Cmd.Process.Kill() // it may have ended
	<-p.ended
}

// Terminate ends a server as a service manager does. It is an error if the
// exit status is not 0.
func (p *Process) Terminate() error {
	if err := p.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	status, err := p.ExitCode()
	if err == nil && status != 0 {
		err = p.failed(fmt.Sprintf("after SIGTERM: exit status %d", status))
	}
	return err
}

// ExitCode waits for the end, and returns the exit status: -1 after a signal.
func (p *Process) ExitCode() (int, error) {
	if err := p.Until("end", p.Ended); err != nil {
		return 0, err
	}
	return p.Cmd.ProcessState.ExitCode(), nil
}

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}
