//go:build integration

package clients_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
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
	"dss.py":  {[]string{debianPython, "../../clients/dss.py"}, everyFlow},
	"dss.mjs": {[]string{"node", "../../clients/dss.mjs"}, everyFlow},
	"dss.sh":  {[]string{bash, "../../clients/dss.sh"}, []dss.Flow{dss.FlowRelay, dss.FlowDevice}},
}

// bash is that of the system, or another one. That of macOS is 3.2.
var bash = cmp.Or(os.Getenv("DSS_TEST_BASH"), "bash")

var everyFlow = []dss.Flow{dss.FlowLoopback, dss.FlowRelay, dss.FlowDevice}

// runtimes run dss.mjs besides Node.js, which gets all scenarios.
var runtimes = map[string][]string{
	"deno": {"node_modules/.bin/deno", "run", "--allow-net", "--allow-env", "--allow-read", "../../clients/dss.mjs"},
	"bun":  {"node_modules/.bin/bun", "../../clients/dss.mjs"},
}

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
	r.cmd.Stdout, r.cmd.Stderr, r.cmd.WaitDelay = &r.stdout, r, time.Minute
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
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
	for _, scenario := range dsstest.Scenarios {
		for _, flow := range scenario.Flows {
			for name, file := range files {
				if slices.Contains(file.flows, flow) {
					t.Run(name+"/"+scenario.Name+"/"+string(flow), func(t *testing.T) { play(t, scenario, flow, file.command) })
				}
			}
			for name, command := range runtimes {
				if slices.Contains([]string{"approved", "denied", "503"}, scenario.Name) {
					t.Run(name+"/"+scenario.Name+"/"+string(flow), func(t *testing.T) { play(t, scenario, flow, command) })
				}
			}
		}
	}
}

// play runs a file through a scenario.
func play(t *testing.T, scenario dsstest.Scenario, flow dss.Flow, command []string) {
	t.Parallel()
	s := scenario.Start(t)
	r := startFile(t, command, "--server", s.URL, "--client-id", "1", "--scope", "read_inbox,no_expiry",
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

// TestFilesRefuse: what is wrong from the start has the status that dss login has.
func TestFilesRefuse(t *testing.T) {
	t.Parallel()
	notDSS := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(notDSS.Close)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"issuer":"https://auth.example.org","token_endpoint":"https://auth.example.org/oauth/token"}`)
	}))
	t.Cleanup(other.Close)
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, file := range files {
		for trouble, tt := range map[string]struct {
			args []string
			want int
		}{
			"no server":       {[]string{"--client-id", "1"}, 2},
			"not an address":  {[]string{"--server", "auth.example.org", "--client-id", "1"}, 2},
			"plain http":      {[]string{"--server", "http://auth.example.org", "--client-id", "1"}, 2},
			"almost local":    {[]string{"--server", "http://127.0.0.1.example.org", "--client-id", "1"}, 2},
			"user in address": {[]string{"--server", "http://localhost:1@example.org", "--client-id", "1"}, 2},
			"plain upstream": {
				[]string{"--server", other.URL, "--client-id", "1", "--stackexchange-url", "http://a.example"}, 2,
			},
			"no client":         {[]string{"--server", other.URL}, 2},
			"no number":         {[]string{"--server", other.URL, "--client-id", "1x"}, 2},
			"no such flow":      {[]string{"--server", other.URL, "--client-id", "1", "--flow", "x"}, 2},
			"no such option":    {[]string{"--server", other.URL, "--client-id", "1", "--nope", "x"}, 2},
			"another name":      {[]string{"--server", other.URL, "--client-id", "1"}, 2},
			"not DSS":           {[]string{"--server", notDSS.URL, "--client-id", "1"}, 5},
			"nobody there":      {[]string{"--server", gone.URL, "--client-id", "1"}, 5},
			"no such host":      {[]string{"--server", "https://host.invalid", "--client-id", "1"}, 5},
			"cannot listen, sh": {[]string{"--server", other.URL, "--client-id", "1", "--flow", "loopback"}, 2},
		} {
			t.Run(name+"/"+trouble, func(t *testing.T) {
				t.Parallel()
				r := startFile(t, file.command, append(tt.args, "--no-browser")...)
				status := r.end(t)
				text := r.stderr.String()
				if status != tt.want || text == "" || strings.Contains(text, "Traceback") || r.stdout.Len() > 0 {
					t.Errorf("it ends with %d, want %d:\n%s%s", status, tt.want, text, r.stdout.String())
				}
			})
		}
	}
}

// TestFilesAreInterrupted while they wait for the user, as a terminal does it: the
// signal goes to all processes.
func TestFilesAreInterrupted(t *testing.T) {
	t.Parallel()
	for name, file := range files {
		for _, flow := range file.flows {
			for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
				t.Run(name+"/"+string(flow)+"/"+signal.String(), func(t *testing.T) {
					t.Parallel()
					s := dsstest.Start(t, dsstest.Options{Faults: []dsstest.Fault{}})
					r := startFile(t, file.command, "--server", s.URL, "--client-id", "1", "--flow", string(flow), "--no-browser")
					<-r.address
					if err := syscall.Kill(-r.cmd.Process.Pid, signal); err != nil {
						t.Fatal(err)
					}
					if status := r.end(t); status != 130 || r.stdout.Len() > 0 {
						t.Errorf("it ends with %d:\n%s", status, r.stderr.String())
					}
				})
			}
		}
	}
}

// TestFilesAndAHostileServer: what a server sends neither breaks a file nor reaches
// the terminal.
func TestFilesAndAHostileServer(t *testing.T) {
	t.Parallel()
	const start = `{"device_code":"d","user_code":"A\u001b[2J","verification_uri":"http://127.0.0.1/device",` +
		`"expires_in":4,"interval":1}`
	for trouble, tt := range map[string]struct{ start, token string }{
		"escape in the address":  {strings.Replace(start, "/device", `/\u001b[2J`, 1), `{}`},
		"another scheme":         {strings.Replace(start, "http:", "file:", 1), `{}`},
		"no object":              {`[1]`, `{}`},
		"null":                   {`null`, `{}`},
		"escape in the message":  {start, `{"error":"x\u001b[2J","error_description":"\u001b]0;x\u0007 \u202e"}`},
		"error is a list":        {start, `{"error":["x"],"error_description":{"a":1}}`},
		"error is a number":      {start, `{"error":7}`},
		"error is nested":        {start, `{"error":{"type":7,"message":null}}`},
		"token is a number":      {start, `{"access_token":7}`},
		"token with a line":      {start, `{"access_token":"a\nb"}`},
		"token with an escape":   {start, `{"access_token":"a\u001b[2J"}`},
		"token that is endless":  {start, `{"access_token":"` + strings.Repeat("a", 5000) + `"}`},
		"lives for ever":         {strings.Replace(start, `:4`, `:99999999999999999999`, 1), `{"error":"access_denied"}`},
		"life is a text":         {strings.Replace(start, `:4`, `:"x"`, 1), `{"error":"access_denied"}`},
		"interval is negative":   {strings.Replace(start, `:1}`, `:-7}`, 1), `{"error":"access_denied"}`},
		"interval is a text":     {strings.Replace(start, `:1}`, `:"x"}`, 1), `{"error":"access_denied"}`},
		"interval is a fraction": {strings.Replace(start, `:1}`, `:1.5}`, 1), `{"error":"access_denied"}`},
	} {
		for name, file := range files {
			t.Run(name+"/"+trouble, func(t *testing.T) {
				t.Parallel()
				s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch r.URL.Path {
					case "/oauth/device_authorization":
						fmt.Fprint(w, tt.start)
					case "/oauth/token":
						if !strings.Contains(tt.token, "access_token") {
							w.WriteHeader(http.StatusBadRequest)
						}
						fmt.Fprint(w, tt.token)
					default:
						fmt.Fprintf(w, `{"issuer":"%s","token_endpoint":"%[1]s/oauth/token"}`, "http://"+r.Host)
					}
				}))
				t.Cleanup(s.Close)
				r := startFile(t, file.command, "--server", s.URL, "--client-id", "1", "--flow", "device", "--no-browser")
				status := r.end(t)
				text := r.stderr.String()
				if status < 1 || status > 5 || strings.ContainsAny(text, "\x1b\x07") || r.stdout.Len() > 0 ||
					strings.Contains(text, "Traceback") || strings.Contains(text, " at ") {
					t.Errorf("it ends with %d:\n%s%s", status, text, r.stdout.String())
				}
			})
		}
	}
}
