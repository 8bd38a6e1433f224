//go:build integration

package clients_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/dsstest"
)

// files are the clients that authors copy.
var files = map[string]struct {
	command []string
	flows   []dss.Flow
}{
	"dss.py": {[]string{debianPython, "../../clients/dss.py"}, everyFlow},
}

var everyFlow = []dss.Flow{dss.FlowLoopback, dss.FlowRelay, dss.FlowDevice}

// statuses are the exit statuses of dss login.
var statuses = map[error]int{
	nil: 0, dss.ErrAccessDenied: 3, dss.ErrExpired: 4, dss.ErrConflict: 4, dss.ErrAnswerLost: 4,
}

// run is a file that runs as a program.
type run struct {
	cmd     *exec.Cmd
	stdout  bytes.Buffer
	stderr  bytes.Buffer // to be read after the end
	address chan string  // the first that it prints on standard error; closed when it ends
}

// patience is longer than any scenario takes.
const patience = 3 * time.Minute

func startFile(t *testing.T, command []string, args ...string) *run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	all := slices.Concat(command, args)
	r := &run{cmd: exec.CommandContext(ctx, all[0], all[1:]...), address: make(chan string, 1)}
	r.cmd.Env = append(os.Environ(), "BROWSER=false", "PYTHONDONTWRITEBYTECODE=1")
	r.cmd.Stdout, r.cmd.Stderr, r.cmd.WaitDelay = &r.stdout, r, 5*time.Second
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

var addressLine = regexp.MustCompile(`https?://\S+\n`)

// Write takes standard error.
func (r *run) Write(text []byte) (int, error) {
	before := addressLine.Match(r.stderr.Bytes())
	r.stderr.Write(text)
	if line := addressLine.FindString(r.stderr.String()); line != "" && !before {
		r.address <- strings.TrimSpace(line)
	}
	return len(text), nil
}

// end waits and returns the exit status.
func (r *run) end(t *testing.T) int {
	t.Helper()
	err := r.cmd.Wait()
	close(r.address)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return 0
}

// TestFiles runs every file through every scenario.
func TestFiles(t *testing.T) {
	t.Parallel()
	for name, file := range files {
		for _, scenario := range dsstest.Scenarios {
			for _, flow := range scenario.Flows {
				if !slices.Contains(file.flows, flow) {
					continue
				}
				t.Run(name+"/"+scenario.Name+"/"+string(flow), func(t *testing.T) {
					t.Parallel()
					s := scenario.Start(t)
					r := startFile(t, file.command, "--server", s.URL, "--client-id", "1", "--scope", "read_inbox,no_expiry",
						"--flow", string(flow), "--no-browser")
					go func() {
						if address := <-r.address; address != "" {
							_ = s.User(scenario.Behaviour)(&dss.SignIn{URL: address}) // never fails
						}
					}()
					if status := r.end(t); status != statuses[scenario.Want] {
						t.Errorf("it ends with %d, want %d:\n%s", status, statuses[scenario.Want], r.stderr.String())
					}
					r.checkToken(t, s, scenario.Want == nil)
				})
			}
		}
	}
}

// checkToken wants nothing but a token on standard output, or nothing at all.
func (r *run) checkToken(t *testing.T, s *dsstest.Server, want bool) {
	t.Helper()
	if !want {
		if r.stdout.Len() > 0 {
			t.Errorf("it prints %q", r.stdout.String())
		}
		return
	}
	client, err := dss.NewTokenClient(s.Config())
	if err != nil {
		t.Fatal(err)
	}
	token, ended := strings.CutSuffix(r.stdout.String(), "\n")
	info, err := client.Inspect(t.Context(), token)
	if err != nil || !ended || !slices.Equal(info.Scopes, []string{"read_inbox", "no_expiry"}) {
		t.Errorf("it prints %q, whose scopes are %v: %v", r.stdout.String(), info, err)
	}
}
