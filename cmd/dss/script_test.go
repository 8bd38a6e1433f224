package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/desktop-stack-serv/dss/internal/scripted"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dss": main, "count-roots": countRoots, "approve-in-browser": approveInBrowser})
}

// approveInBrowser is a command that opens a browser, with a willing user.
func approveInBrowser() {
	page, err := scripted.New().Visit(os.Args[1], scripted.Approves)
	if err != nil || page.Status != http.StatusOK || !strings.HasPrefix(os.Args[1], "http://127.0.0.1:") {
		fmt.Fprintln(os.Stderr, page.URL, page.Status, err)
		os.Exit(1)
	}
}

func TestScripts(t *testing.T) { runScripts(t, "testdata/script") }

// runScripts runs the scripts of a folder with the real binary. In them,
//
//	serve               starts a server with a sandbox; SERVER is its address
//	                    and PORT its port
//	exits STATUS ARG…   runs dss to its end, like exec
//	start NAME ARG…     runs dss in the background, with NAME.out and NAME.err
//	user DECISION NAME  has a user approve or deny at the address in NAME.err
//	elsewhere NAME      has a user approve the code for another device in NAME.err
//	signal NAME SIGNAL  sends INT or TERM to it
//	said NAME PATTERN   waits until NAME.err has a match
//	ended NAME STATUS   waits for its end
func runScripts(t *testing.T, folder string) {
	testscript.Run(t, testscript.Params{
		Dir: folder, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Values[running{}] = map[string]*background{}
			env.Setenv("GORACE", "atexit_sleep_ms=0") // or each command takes a second to end
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": serveInScript, "exits": exits, "start": start, "user": user, "elsewhere": elsewhere, "signal": sendSignal, "said": said, "ended": ended,
		},
	})
}

// patience bounds every wait; nothing comes near it.
const patience = time.Minute

// running is the key of a script's background processes.
type running struct{}

type background struct {
	command *exec.Cmd
	done    chan struct{} // closed when it has ended
}

func launch(ts *testscript.TestScript, command *exec.Cmd) *background {
	ts.Check(command.Start())
	b := &background{command, make(chan struct{})}
	go func() {
		defer close(b.done)
		_ = command.Wait() // ended looks at the state
	}()
	ts.Defer(func() {
		_ = command.Process.Kill()
		<-b.done
	})
	return b
}

func commandOf(ts *testscript.TestScript, args ...string) *exec.Cmd {
	path, err := exec.LookPath("dss")
	ts.Check(err)
	command := exec.Command(path, args...)
	command.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "LC_ALL", "TMPDIR", "TERM", "GORACE", "DSS_SERVER", "DSS_CLIENT_ID", "DSS_STACKEXCHANGE_URL", "SSH_CONNECTION"} {
		if value := ts.Getenv(name); value != "" {
			command.Env = append(command.Env, name+"="+value)
		}
	}
	return command
}

func serveInScript(ts *testscript.TestScript, _ bool, args []string) {
	command := commandOf(ts, append([]string{"serve", "--sandbox", "--store", "memory:", "--listen", "127.0.0.1:0"}, args...)...)
	out, w, err := os.Pipe()
	ts.Check(err)
	defer out.Close()
	command.Stdout = w
	b := launch(ts, command)
	w.Close()
	line, err := bufio.NewReader(out).ReadString('\n')
	address := regexp.MustCompile(`http://\S+:(\d+)`).FindStringSubmatch(line)
	if err != nil || address == nil {
		ts.Fatalf("no address in %q: %v", line, err)
	}
	ts.Setenv("SERVER", address[0])
	ts.Setenv("PORT", address[1])
	ts.Value(running{}).(map[string]*background)["server"] = b
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("dss", args[1:]...)
	status := 0
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		status = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(status) != args[0] {
		ts.Fatalf("exit status %d, want %s", status, args[0])
	}
}

func start(ts *testscript.TestScript, _ bool, args []string) {
	name := args[0]
	command := commandOf(ts, args[1:]...)
	out, err := os.Create(ts.MkAbs(name + ".out"))
	ts.Check(err)
	defer out.Close()
	told, err := os.Create(ts.MkAbs(name + ".err"))
	ts.Check(err)
	defer told.Close()
	command.Stdout, command.Stderr = out, told
	ts.Value(running{}).(map[string]*background)[name] = launch(ts, command)
}

func (b *background) wait(ts *testscript.TestScript) {
	select {
	case <-b.done:
	case <-time.After(patience):
		ts.Fatalf("still running after %v", patience)
	}
}

func named(ts *testscript.TestScript, name string) *background {
	b := ts.Value(running{}).(map[string]*background)[name]
	if b == nil {
		ts.Fatalf("there is no process %q", name)
	}
	return b
}

func said(ts *testscript.TestScript, _ bool, args []string) {
	awaitText(ts, args[0], regexp.MustCompile(args[1]))
}

var addressLine = regexp.MustCompile(`(?m)^https?://\S+\n`)

// address waits for the line with the URL.
func address(ts *testscript.TestScript, name string) string {
	return strings.TrimSpace(awaitText(ts, name, addressLine))
}

// awaitText waits for text on the standard error of a process.
func awaitText(ts *testscript.TestScript, name string, pattern *regexp.Regexp) string {
	b := named(ts, name)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); ; {
		if text := pattern.FindString(ts.ReadFile(name + ".err")); text != "" {
			return text
		}
		select {
		case <-tick.C:
		case <-b.done:
			ts.Fatalf("ended before it said %s:\n%s", pattern, ts.ReadFile(name+".err"))
		case <-deadline:
			ts.Fatalf("no %s within %v", pattern, patience)
		}
	}
}

func user(ts *testscript.TestScript, _ bool, args []string) {
	browser := scripted.New()
	page, err := browser.Visit(address(ts, args[1]), map[string]scripted.User{"approve": scripted.Approves, "deny": scripted.Denies}[args[0]])
	ts.Check(err)
	ts.Logf("the user ends at %s: %d", page.URL.Path, page.Status)
	for _, text := range args[2:] {
		if !strings.Contains(strings.Join(browser.Visited, "\n"), text) {
			ts.Fatalf("the browser has not been at %s", text)
		}
	}
}

var deviceLine = regexp.MustCompile(`(?m)^On another device: ([A-Z]{4}-[A-Z]{4}) at (http\S+/device)$`)

func elsewhere(ts *testscript.TestScript, _ bool, args []string) {
	line := deviceLine.FindStringSubmatch(awaitText(ts, args[0], deviceLine))
	page, err := scripted.New().Visit(line[2]+"?user_code="+line[1], scripted.Approves)
	ts.Check(err)
	if page.Status != http.StatusOK {
		ts.Fatalf("the user ends at %s: %d", page.URL, page.Status)
	}
}

func sendSignal(ts *testscript.TestScript, _ bool, args []string) {
	b := named(ts, args[0])
	if args[0] != "server" {
		address(ts, args[0]) // it is at work by now
	}
	ts.Check(b.command.Process.Signal(map[string]os.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM}[args[1]]))
}

func ended(ts *testscript.TestScript, _ bool, args []string) {
	b := named(ts, args[0])
	b.wait(ts)
	if status := b.command.ProcessState.ExitCode(); fmt.Sprint(status) != args[1] {
		ts.Fatalf("exit status %d, want %s\n%s", status, args[1], ts.ReadFile(args[0]+".err"))
	}
}
