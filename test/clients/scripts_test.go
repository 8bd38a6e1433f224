//go:build integration

package clients_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/scripted"
)

// debianPython is the one that Debian's packages are installed for; another may
// come first in the path.
const debianPython = "/usr/bin/python3"

// app is what a script is told, as JSON in its only argument.
type app struct {
	Server      string `json:"server"`
	ClientID    string `json:"client_id"`
	RedirectURI string `json:"redirect_uri"`
	Scope       string `json:"scope"`
	Grant       string `json:"grant"`     // code or device
	Discovery   string `json:"discovery"` // oauth4webapi: oauth2 or oidc
	InBody      bool   `json:"in_body"`   // requests_oauthlib: the client id is in the body, not in a header
	Verifier    int    `json:"verifier"`  // requests_oauthlib: how many random bytes
}

// result is a script's last line.
type result struct {
	Error       string  `json:"error"`
	AccessToken string  `json:"access_token"`
	ExpiresIn   int     `json:"expires_in"`
	Scope       *string `json:"scope"`
	API         int     `json:"api"` // what the API answered to the script
}

// runScript runs a script and does the visits it asks for.
func runScript(t *testing.T, a app, decide scripted.User, command ...string) result {
	t.Helper()
	a.Server, a.ClientID = server, clientID
	argument, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	script := exec.CommandContext(bounded(t), command[0], append(command[1:], string(argument))...)
	script.Env = append(os.Environ(), "OAUTHLIB_INSECURE_TRANSPORT=1", "NO_PROXY=localhost,127.0.0.1")
	if strings.Contains(a.Scope, "openid") { // docs/integrate.md says so
		script.Env = append(script.Env, "OAUTHLIB_RELAX_TOKEN_SCOPE=1")
	}
	script.Stderr, script.WaitDelay = &stderr, 5*time.Second
	stdin, err := script.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := script.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := script.Start(); err != nil {
		t.Fatal(err)
	}
	last := a.visits(t, decide, stdin, stdout)
	if err := script.Wait(); err != nil {
		t.Fatalf("%v: %v\n%s%s", command, err, last, stderr.String())
	}
	var r result
	if err := json.Unmarshal([]byte(last), &r); err != nil {
		t.Fatalf("%v: its last line is %q: %v", command, last, err)
	}
	return r
}

// visits answers each line "VISIT address" with where the visit ends, and
// returns the last line.
func (a app) visits(t *testing.T, decide scripted.User, stdin io.Writer, stdout io.Reader) (last string) {
	t.Helper()
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		last = lines.Text()
		address, ok := strings.CutPrefix(last, "VISIT ")
		if !ok {
			continue
		}
		page := visit(t, decide, address)
		answer := "done"
		if a.RedirectURI != "" {
			received(t, a.RedirectURI, page)
			answer = page.URL.String()
		}
		if _, err := fmt.Fprintln(stdin, answer); err != nil {
			t.Fatal(err)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return last
}

// outcome is what is expected of a script.
type outcome struct {
	decide  scripted.User
	scope   string
	granted string // if that is not the scope
	form    string // of the redirect URI
	expires int
	err     string
}

var outcomes = map[string]outcome{
	"approved":      {scripted.Approves, "read_inbox private_info", "", withPath, 86400, ""},
	"unknown scope": {scripted.Approves, "openid read_inbox offline_access", "read_inbox", withPath, 86400, ""},
	"no scope":      {scripted.Approves, "", "", localhostRoot, 86400, ""},
	"never expires": {scripted.Approves, "no_expiry", "", bare, 0, ""},
	"refused":       {scripted.Denies, "read_inbox", "", localhost, 0, "access_denied"},
}

// check compares a script's result with what is expected. At the end, the API
// is to answer after to the token.
func (o outcome) check(t *testing.T, r result, after int) {
	t.Helper()
	if r.Error != o.err {
		t.Fatalf("the client says %q, want %q", r.Error, o.err)
	}
	if o.err != "" {
		return
	}
	if r.ExpiresIn != o.expires || r.API != http.StatusOK || r.Scope != nil && *r.Scope != cmp.Or(o.granted, o.scope) {
		t.Errorf("the script says %+v, want %+v", r, o)
	}
	checkAPI(t, bounded(t), r.AccessToken, after)
}

// TestOAuth4WebAPI: the script revokes its token in the end.
func TestOAuth4WebAPI(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]app{
		"code":         {Grant: "code", Discovery: "oauth2"},
		"code, oidc":   {Grant: "code", Discovery: "oidc"},
		"device":       {Grant: "device", Discovery: "oauth2"},
		"device, oidc": {Grant: "device", Discovery: "oidc"},
	} {
		for n, o := range outcomes {
			t.Run(name+"/"+n, func(t *testing.T) {
				t.Parallel()
				a := a // the others run at the same time
				if a.Scope = o.scope; a.Grant == "code" {
					a.RedirectURI = listen(t, o.form)
				}
				o.check(t, runScript(t, a, o.decide, "node", "oauth4webapi.mjs"), http.StatusBadRequest)
			})
		}
	}
}

func TestRequestsOAuthlib(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]app{
		"code, header":   {Grant: "code", Verifier: 48},
		"code, body":     {Grant: "code", Verifier: 96, InBody: true},
		"device, header": {Grant: "device"},
		"device, body":   {Grant: "device", InBody: true},
	} {
		for n, o := range outcomes {
			t.Run(name+"/"+n, func(t *testing.T) {
				t.Parallel()
				a := a // the others run at the same time
				if a.Scope = o.scope; a.Grant == "code" {
					a.RedirectURI = listen(t, o.form)
				}
				o.check(t, runScript(t, a, o.decide, debianPython, "requests_oauthlib_"+a.Grant+".py"), http.StatusOK)
			})
		}
	}
}
