//go:build integration

// Package integrate_test runs the programs of examples/ against the real binary.
package integrate_test

import (
	"bufio"
	"context"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/registration"
	"github.com/desktop-stack-serv/dss/internal/scripted"
	"github.com/desktop-stack-serv/dss/test/program"
)

const examples = "../../examples"

// patience is for one program, compiling included.
const patience = 5 * time.Minute

// environment lacks what the shell of whoever runs the tests may hold for the
// programs.
var environment = slices.DeleteFunc(program.Environment(), func(pair string) bool {
	return strings.HasPrefix(pair, "OAUTHLIB_")
})

var binary string

func TestMain(m *testing.M) { program.Main(m.Run, program.Plain(&binary)) }

// programs says how the program in each folder of examples is run.
var programs = map[string]struct {
	prepare func(t *testing.T, folder string) // nil if there is nothing to prepare
	run     []string                          // nil for those that are not run here
	env     []string
	want    string // besides the user's name
}{
	"go-loopback": {prepare: build, run: []string{"./program"}},
	"go-device":   {prepare: build, run: []string{"./program"}, want: "Signed out: true"},
	"python":      {run: []string{"/usr/bin/python3", "signin.py"}},
	"javascript":  {prepare: linkPackages, run: []string{"node", "signin.mjs"}, env: webCrypto()},
	"java":        {run: []string{"java", "SignIn.java"}},
	// These use clients, two folders above.
	"bash":          {prepare: copyClients, run: []string{"bash", "inbox.sh"}},
	"node":          {prepare: copyClients, run: []string{"node", "hello.mjs"}, env: []string{"BROWSER=true"}},
	"python-script": {prepare: copyClients, run: []string{"/usr/bin/python3", "hello.py"}, env: []string{"BROWSER=true"}},

	"userscript":   {}, // test/browser runs them
	"webextension": {},

	"inbox":  {}, // has a test of its own
	"csharp": {}, // their compilers and packages are not installed for the tests
	"rust":   {},
	"ruby":   {},
}

func TestPrograms(t *testing.T) {
	entries, err := os.ReadDir(examples)
	if err != nil {
		t.Fatal(err)
	}
	server := serve(t)
	for _, entry := range entries {
		name := entry.Name()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program, ok := programs[name]
			if !ok {
				t.Fatal("nothing is known about this program")
			}
			if program.run == nil {
				return
			}
			folder := filepath.Join(t.TempDir(), "examples", name)
			if err := os.CopyFS(folder, os.DirFS(filepath.Join(examples, name))); err != nil {
				t.Fatal(err)
			}
			if program.prepare != nil {
				program.prepare(t, folder)
			}
			cmd := command(t, folder, program.run...)
			cmd.Env = append(cmd.Env, "DSS_SERVER="+server, "DSS_CLIENT_ID=7",
				"DSS_STACKEXCHANGE_URL="+server+"/sandbox", "DSS_STACKEXCHANGE_API_URL="+server+"/sandbox/2.3")
			cmd.Env = append(cmd.Env, program.env...)
			output := signIn(t, cmd)
			if !strings.Contains(output, "Hello, Sandbox User\n") || !strings.Contains(output, program.want) {
				t.Errorf("it printed\n%s", output)
			}
		})
	}
}

// TestBuilder runs every program that the home page offers, as it is there.
func TestBuilder(t *testing.T) {
	server := serve(t)
	for i, language := range registration.Languages() {
		for j, way := range registration.Ways {
			t.Run(string(language)+" "+string(way), func(t *testing.T) {
				t.Parallel()
				choice := url.Values{"language": {string(language)}, "way": {string(way)}, "client_id": {"901"}}
				if (i+j)%2 == 0 { // half of them without a scope
					choice.Set("inbox", "on")
					choice.Set("no_expiry", "on")
				}
				program := offered(t, server, choice)
				if program.Text == "" {
					if language != registration.Curl || way != registration.Loopback {
						t.Error("there is no program")
					}
					return
				}
				want := "\nHello, Sandbox User\n"
				if language == registration.Command {
					want = "\nname     Sandbox User\n"
				}
				if output := signIn(t, program.command(t, language)); !strings.Contains(output, want) {
					t.Errorf("it printed\n%s", output)
				}
			})
		}
	}
}

// builtProgram is a program that the home page offers.
type builtProgram struct{ File, Run, Text string }

// offered returns what the home page offers for a choice, which its script asks for.
func offered(t *testing.T, server string, choice url.Values) (program builtProgram) {
	t.Helper()
	page, err := scripted.New().Visit(server+"/?"+choice.Encode(), scripted.Approves)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get(server + "/start/program?" + choice.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&program); err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`(?s)<pre[^>]*data-value[^>]*>(.*?)</pre>`).FindStringSubmatch(page.Body)
	if shown == nil || html.UnescapeString(shown[1]) != program.Text {
		t.Fatalf("the page shows another program:\n%s\n%s", page.Body, program.Text)
	}
	return program
}

// command returns how the page says that the program is run. Go compiles it with the
// modules of this project.
func (p builtProgram) command(t *testing.T, language registration.Language) *exec.Cmd {
	t.Helper()
	folder := t.TempDir()
	run := p.Run
	switch language {
	case registration.Command:
		run = "exec 2>&1; " + run // where it says what to do
	case registration.Go:
		run = "go run " + filepath.Join(folder, p.File)
	}
	if p.File != "" {
		if err := os.WriteFile(filepath.Join(folder, p.File), []byte(p.Text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := command(t, folder, "bash", "-c", run)
	if language == registration.Go {
		cmd.Dir = "."
	}
	cmd.Env = append(cmd.Env, "BROWSER=true %s", "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH")) // signIn is the browser
	return cmd
}

// signIn runs a program, does what it asks its user to do, and returns what it
// has printed.
func signIn(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var output strings.Builder
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout // a pipe for both
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	signedIn := false
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		output.WriteString(lines.Text() + "\n")
		address := regexp.MustCompile(`https?://\S+`).FindString(lines.Text())
		if address == "" || signedIn {
			continue
		}
		signedIn = true
		page, err := scripted.New().Visit(address, scripted.Approves)
		if err != nil || page.Status/100 != 2 {
			t.Errorf("%s ends at %s with %d: %v\n%s", address, page.URL, page.Status, err, page.Body)
			_ = cmd.Process.Kill()
		}
	}
	if err := cmd.Wait(); err != nil || lines.Err() != nil || !signedIn {
		t.Fatalf("it ended with %v, %v, after printing\n%s", err, lines.Err(), output.String())
	}
	return output.String()
}

// command ends with the test or when patience does, whichever is first.
func command(t *testing.T, folder string, words ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir = folder
	cmd.Env = slices.Clone(environment)
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

func finish(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, output)
	}
}

// serve starts a server with a sandbox and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	dss := program.Start(t, binary, "--sandbox", "--listen", "127.0.0.1:0", "--store", "memory:")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log:\n%s", dss.Stderr.String())
		}
	})
	return dss.URL
}

// build compiles the program that was copied to a folder.
func build(t *testing.T, folder string) {
	t.Helper()
	finish(t, command(t, ".", "go", "build", "-o", filepath.Join(folder, "program"), filepath.Join(folder, "main.go")))
}

// linkPackages lets the program in a folder import what test/setup has
// installed from package-lock.json.
func linkPackages(t *testing.T, folder string) {
	t.Helper()
	packages, err := filepath.Abs("node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(packages); err != nil {
		t.Fatalf("run test/setup: %v", err)
	}
	if err := os.Symlink(packages, filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}
}

// copyClients puts clients where the program in a folder expects them.
func copyClients(t *testing.T, folder string) {
	t.Helper()
	if err := os.CopyFS(filepath.Join(folder, "../../clients"), os.DirFS("../../clients")); err != nil {
		t.Fatal(err)
	}
}

// webCrypto turns on in Debian 12's Node.js 18 what newer ones have anyway.
func webCrypto() []string {
	version, err := exec.Command("node", "--version").Output()
	if err == nil && strings.HasPrefix(string(version), "v18.") {
		return []string{"NODE_OPTIONS=--experimental-global-webcrypto"}
	}
	return nil
}
