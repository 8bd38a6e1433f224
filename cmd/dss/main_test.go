package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/sqlite"
	"github.com/desktop-stack-serv/dss/test/selfsigned"
)

const acmeLine = "serve --acme-email me@example.org --public-url https://auth.example.org"

// runWith runs a command line that is expected to end by itself.
func runWith(t *testing.T, env map[string]string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	lookup := func(name string) string { return env[name] }
	environ := func() (all []string) {
		for name, value := range env {
			all = append(all, name+"="+value)
		}
		return all
	}
	status = run(t.Context(), args, cli.Process{Env: lookup, Environ: environ, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &err})
	return status, out.String(), err.String()
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   string
		env    map[string]string
		status int
		want   string // in what is printed
	}{
		{"nothing", "", nil, 2, "name a command"},
		{"help", "help", nil, 0, "dss serve"},
		{"version", "version", nil, 0, "dss "},
		{"unknown command", "sevre", nil, 2, `no command "sevre"; did you mean dss serve?`},
		{"the beginning of a command", "comp", nil, 2, "did you mean dss completion?"},
		{"nothing like a command", "frobnicate", nil, 2, "dss help lists them"},
		{"--help", "--help", nil, 0, "dss login"},
		{"help of login", "help login", nil, 0, "DSS_CLIENT_ID"},
		{"help of nothing", "help lgin", nil, 2, "did you mean dss login?"},
		{"too much help", "help login whoami", nil, 2, "one command"},
		{"--version", "--version", nil, 0, "platform: "},
		{"login without a server", "login --client-id 1", nil, 2, "DSS_SERVER"},
		{"login without an app", "login --server https://auth.example.org", nil, 2, "--client-id"},
		{"login at no URL", "login --server auth.example.org --client-id 1", nil, 2, "--server must be"},
		{"login in plain http", "login --server http://auth.example.org --client-id 1", nil, 2, "--server must be https"},
		{"login to no app", "login --server https://auth.example.org --client-id app", nil, 2, "--client-id must be"},
		{"login upstream in plain http", "login --server https://auth.example.org --client-id 1 --stackexchange-url http://example.org", nil, 2, "--stackexchange-url must be https"},
		{"no such flow", "login --flow magic", nil, 2, "--flow cannot be \"magic\": write auto, loopback, relay, implicit or device"},
		{"no such output", "login", map[string]string{"DSS_OUTPUT": "xml"}, 2, "DSS_OUTPUT cannot be"},
		{"no time", "login --server https://auth.example.org --client-id 1 --timeout 0s", nil, 2, "--timeout"},
		{"whoami without a token", "whoami", nil, 2, "DSS_TOKEN"},
		{"whoami with an empty token", "whoami", map[string]string{"DSS_TOKEN": ""}, 2, "give the access token"},
		{"whoami with two arguments", "whoami - -", nil, 2, "give the access token"},
		{"logout without a token", "logout", nil, 2, "DSS_TOKEN"},
		{"an API in plain http", "whoami --stackexchange-api-url http://example.org", nil, 2, "--stackexchange-api-url must be https"},
		{"completion for no shell", "completion", nil, 2, "bash, zsh, fish or powershell"},
		{"completion for another shell", "completion csh", nil, 2, "bash, zsh, fish or powershell"},
		{"help of serve", "serve --help", nil, 0, "DSS_PUBLIC_URL"},
		{"unknown flag", "serve --tll 1m", nil, 2, "-tll"},
		{"an argument", "serve now", nil, 2, `"now"`},
		{"bad duration", "serve --ttl soon", nil, 2, `--ttl cannot be "soon": write a duration with units, such as 15m`},
		{"a duration without a unit", "serve --ttl 900", nil, 2, `--ttl cannot be "900": write a unit: 900s or 15m`},
		{"an hour without a unit", "login --timeout 3600", nil, 2, "write a unit: 3600s or 1h\n"},
		{"a duration with a space", "serve", map[string]string{"DSS_TTL": "15 min"}, 2, `DSS_TTL cannot be "15 min": write a duration`},
		{"a switch that is none", "serve --weak-keys=yes", nil, 2, `--weak-keys cannot be "yes": write true or false`},
		{"a switch in the environment that is none", "serve", map[string]string{"DSS_SANDBOX": "local"}, 2, `DSS_SANDBOX cannot be "local": write true, false, remote, 2025, 2026 or internal`},
		{"a number that is none", "serve --max-entries 1e6", nil, 2, `--max-entries cannot be "1e6": write a whole number`},
		{"networks without commas", "serve --trusted-proxies=10.0.0.0/8;::1", nil, 2, "separate several with commas"},
		{"apps without commas", "serve --app-hosts=a;b", nil, 2, "separate several with commas"},
		{"a URL that is no argument", "serve postgres://dss:hunter2@h/d", nil, 2, "unexpected argument; flags"},
		{"a URL that is no command", "postgres://dss:hunter2@h/d", nil, 2, "there is no command; dss help"},
		{"ttl too long", "serve --ttl 48h", nil, 2, "--ttl"},
		{"bad confirm", "serve --confirm never", nil, 2, `--confirm cannot be "never": write always, oauth-only, all or sessions`},
		{"bad log format", "serve --log-format xml", nil, 2, "--log-format"},
		{"bad store", "serve --store mysql://x", nil, 2, "--store"},
		{"store without a path", "serve --store sqlite:", nil, 2, "sqlite:data/dss.db"},
		{"store with a folder for its path", "serve --store sqlite:data/", nil, 2, "sqlite:data/dss.db"},
		{"store in a URL's way", "serve --store sqlite://tmp/x.db", nil, 2, "leave out the slashes"},
		{"store in a URL's other way", "serve --store sqlite:///tmp/x.db", nil, 2, "leave out the slashes"},
		{"store with parameters", "serve --store sqlite:x.db?mode=ro", nil, 2, "no parameters"},
		{"store as a URI", "serve --store sqlite:file:x.db", nil, 2, "no parameters"},
		{"store in SQLite's memory", "serve --store sqlite::memory:", nil, 2, "no parameters"},
		{"bad listen", "serve --listen localhost", nil, 2, "--listen"},
		{"listening to everybody without a URL", "serve --listen 0.0.0.0:0", nil, 2, "--public-url"},
		{"plain http in public", "serve --public-url http://auth.example.org", nil, 2, "--trusted-proxies"},
		{"public URL with a path", "serve --public-url https://auth.example.org/dss", nil, 2, "origin alone"},
		{"public URL with a user", "serve --public-url https://me@auth.example.org", nil, 2, "without user, query or fragment"},
		{"public URL of another scheme", "serve --public-url ftp://auth.example.org", nil, 2, "--public-url"},
		{"a sandbox in public", "serve --sandbox --public-url https://auth.example.org", nil, 2, "--sandbox=remote"},
		{"a sandbox of 2025 in public", "serve --sandbox=2025 --public-url https://auth.example.org", nil, 2, "--sandbox=remote"},
		{"a sandbox of two years", "serve --sandbox=remote,2025,2026", nil, 2, "one of 2025 and 2026"},
		{"a sandbox of a year to come", "serve --sandbox=2031", nil, 2, "write true, false, remote, 2025, 2026 or internal"},
		{"a sandbox and Stack Exchange", "serve --sandbox --stackexchange-url https://stackoverflow.com", nil, 2, "--sandbox"},
		{"upstream that is not ASCII", "serve --stackexchange-url https://bücher.example", nil, 2, "xn--"},
		{"upstream without a host", "serve --stackexchange-api-url https://a..b/2.3", nil, 2, "host"},
		{"upstream with a port that is none", "serve --stackexchange-url https://example.org:99999", nil, 2, "port"},
		{"upstream with a query", "serve --stackexchange-api-url https://example.org/2.3?key=x", nil, 2, "query"},
		{"plain http upstream", "serve --stackexchange-url http://stackoverflow.com", nil, 2, "https"},
		{"upstream that is checked and is not a URL", "serve --check --stackexchange-url garbage", nil, 2, "--stackexchange-url must be"},
		{"app host that is no host", "serve --app-hosts a_b", nil, 2, "--app-hosts"},
		{"admin on the same address", "serve --listen 127.0.0.1:1 --admin-listen 127.0.0.1:1", nil, 2, "--admin-listen"},
		{"no room", "serve --max-entries 0", nil, 2, "--max-entries must be"},
		{"no life", "serve --ttl 0s", nil, 2, "--ttl must be"},
		{"a flag of another version", "serve --behind-proxy", nil, 2, `there is no flag "--behind-proxy"`},
		{"no such limits", "serve --limits some", nil, 2, "--limits must be off or a factor"},
		{"a proxy by name", "serve --trusted-proxies nginx", nil, 2, `--trusted-proxies: "nginx" is not a network`},
		{"every client a proxy", "serve --trusted-proxies 0.0.0.0/0", nil, 2, "every client"},
		{"PROXY protocol from anybody", "serve --trusted-proxies proxy-protocol", nil, 2, "proxy-protocol needs the networks"},
		{"two sources of certificates", acmeLine + " --tls-cert c --tls-key k", nil, 2, "the one or the other"},
		{"a certificate without its key", "serve --tls-cert c", nil, 2, "go together"},
		{"a key without its certificate", "serve --tls-key k", nil, 2, "go together"},
		{"an authority for nothing", "serve --acme-directory https://example.org", nil, 2, "--acme-directory does nothing without --acme-email"},
		{"a redirect to nothing", "serve --listen 127.0.0.1:0,127.0.0.1:0", nil, 2, "redirects to HTTPS"},
		{"HTTPS at a plain URL", "serve --tls-cert c --tls-key k --public-url http://localhost", nil, 2, "must be https"},
		{"HTTPS for everybody without a URL", "serve --tls-cert c --tls-key k", nil, 2, "--listen :443"},
		{"bad plain address", acmeLine + " --listen :443,80", nil, 2, `--listen must be an address such as 127.0.0.1:8080, not "80"`},
		{"three addresses", acmeLine + " --listen :443,:80,:81", nil, 2, `not ":80,:81"`},
		{"http on the https address", acmeLine + " --listen :443,:443", nil, 2, "must differ from the first one"},
		{"http on the admin address", acmeLine + " --admin-listen :80", nil, 2, "and from --admin-listen"},
		{"an email that is none", "serve --acme-email me --public-url https://auth.example.org", nil, 2, "--acme-email must be"},
		{"a plain authority", acmeLine + " --acme-directory http://example.org", nil, 2, "--acme-directory must be an https URL"},
		{"ACME without a URL", "serve --acme-email me@example.org", nil, 2, "--public-url"},
		{"ACME for an address", "serve --acme-email me@example.org --public-url https://192.0.2.1", nil, 2, "a name that the whole internet knows"},
		{"ACME for this machine", "serve --acme-email me@example.org --public-url https://localhost", nil, 2, "a name that the whole internet knows"},
		{"ACME for no name", "serve --acme-email me@example.org --public-url https://auth_1.example.org", nil, 2, "a name that the whole internet knows"},
		{"ACME without a place", acmeLine + " --store memory:", nil, 2, "outlives a restart"},
		{"ACME for all app hosts", acmeLine + " --app-hosts 7,all", nil, 2, "certificate for *.auth.example.org"},
		{"ACME for all app hosts, checked", acmeLine + " --app-hosts all --check", nil, 2, "certificate for *.auth.example.org"},
		{"ACME for an app host that is too long", acmeLine + " --app-hosts " + strings.Repeat("a", 64), nil, 2, "too long"},
		{"a shared store without a secret", acmeLine + " --store redis://localhost", nil, 2, "needs --secret-file"},
		{"environment", "serve", map[string]string{"DSS_CONFIRM": "never"}, 2, "DSS_CONFIRM cannot be"},
		{"bad environment", "serve", map[string]string{"DSS_TTL": "soon"}, 2, "DSS_TTL"},
		{"a flag wins over the environment", "serve --confirm never", map[string]string{"DSS_CONFIRM": "all"}, 2, "--confirm"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, stdout, stderr := runWith(t, c.env, strings.Fields(c.args)...)
			if strings.Contains(stdout+stderr, "hunter2") {
				t.Errorf("a password is told:\n%s%s", stdout, stderr)
			}
			if status != c.status || !strings.Contains(stdout+stderr, c.want) {
				t.Errorf("exit status %d, want %d with %q:\n%s%s", status, c.status, c.want, stdout, stderr)
			}
			_, overview, _ := runWith(t, nil, "help")
			if status == 2 && (stdout != "" || strings.Count(strings.TrimPrefix(stderr, overview), "\n") != 1) {
				t.Errorf("not one sentence:\n%s%s", stdout, stderr)
			}
		})
	}
}

// TestTokensAreNoArguments keeps them out of what is printed, too.
func TestTokensAreNoArguments(t *testing.T) {
	for _, name := range []string{"whoami", "logout"} {
		status, stdout, stderr := runWith(t, nil, name, "aSecret))")
		if status != 2 || strings.Contains(stdout+stderr, "aSecret") || !strings.Contains(stderr, "standard input") {
			t.Errorf("%s: exit status %d\n%s%s", name, status, stdout, stderr)
		}
	}
}

func TestExitStatus(t *testing.T) {
	for err, want := range map[error]int{
		nil: 0, errors.New("x"): 1, cli.Usagef("x"): 2, dss.ErrAccessDenied: 3, dss.ErrInvalidToken: 3,
		dss.ErrExpired: 4, dss.ErrConflict: 4, dss.ErrAnswerLost: 4, dss.ErrUnreachable: 5, dss.ErrThrottled: 1, &dss.Error{Status: 400}: 1, errInterrupted: 130,
	} {
		if got := exitStatus(err); got != want {
			t.Errorf("%v: exit status %d, want %d", err, got, want)
		}
		if err != nil && exitStatus(fmt.Errorf("wrapped: %w", err)) != want {
			t.Errorf("%v: another exit status if wrapped", err)
		}
	}
}

// TestCannotStart fails for reasons that are no mistake in the command line.
func TestCannotStart(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	status, _, stderr := runWith(t, nil, "serve", "--store", "memory:", "--listen", listener.Addr().String())
	if status != 1 || !strings.Contains(stderr, "in use") {
		t.Errorf("address in use: exit status %d\n%s", status, stderr)
	}
	path := filepath.Join(t.TempDir(), "dss.db")
	store, err := sqlite.Open(context.Background(), "sqlite:"+path, store.Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	status, _, stderr = runWith(t, nil, "serve", "--store", "sqlite:"+path, "--listen", "127.0.0.1:0")
	if status != 1 || !strings.Contains(stderr, sqlite.ErrInUse.Error()) {
		t.Errorf("database in use: exit status %d\n%s", status, stderr)
	}
}

// TestCannotSecure fails for what is in the files.
func TestCannotSecure(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile, _ := selfsigned.Files(t, folder, "localhost")
	junk := filepath.Join(folder, "junk")
	if err := os.WriteFile(junk, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	common := []string{"serve", "--listen", "127.0.0.1:0", "--store", "memory:"}
	acme := []string{"serve", "--acme-email", "me@example.org", "--public-url", "https://auth.example.org"}
	for _, c := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"no certificate", append(common, "--tls-cert", junk, "--tls-key", keyFile), 2, "certificate " + junk},
		{"no key", append(common, "--tls-cert", certFile, "--tls-key", filepath.Join(folder, "none")), 2, "no such file"},
		{"no http address", append(acme, "--listen", "127.0.0.1:0,127.0.0.1:99999"), 2, "--listen 127.0.0.1:99999"},
	} {
		status, _, stderr := runWith(t, nil, c.args...)
		if status != c.status || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit status %d, want %d with %q:\n%s", c.name, status, c.status, c.want, stderr)
		}
	}
}

// TestEmptyVariables: each is as if it were not there.
func TestEmptyVariables(t *testing.T) {
	for _, name := range commandNames(t) {
		empty, none := map[string]string{"LISTEN_PID": "", "LISTEN_FDS": "", "NO_COLOR": ""}, map[string]string{}
		_, help, _ := runWith(t, nil, name, "--help")
		for _, variable := range regexp.MustCompile(`\[(DSS_\w+)\]`).FindAllStringSubmatch(help, -1) {
			empty[variable[1]] = ""
		}
		args := []string{name}
		switch name {
		case "serve":
			args = append(args, "--check", "--listen", "127.0.0.1:0")
		case "health":
			args = append(args, "--listen", "127.0.0.1:1")
		case "store":
			args = append(args, "check", "--store", "memory:")
		}
		for _, env := range []map[string]string{empty, none} {
			env["DSS_TOKEN"] = ""
		}
		status, stdout, stderr := runWith(t, empty, args...)
		wantStatus, wantStdout, wantStderr := runWith(t, none, args...)
		if name == "store" { // which takes its time
			stdout, wantStdout = "", ""
		}
		if status != wantStatus || stdout != wantStdout || stderr != wantStderr {
			t.Errorf("dss %s: exit status %d, want %d\n%s%s", name, status, wantStatus, stdout, stderr)
		}
	}
}
