//go:build integration

package clients_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/desktop-stack-serv/dss/test/program"
	"github.com/desktop-stack-serv/dss/test/selfsigned"
)

const apiHost = "api.stackexchange.com"

// published are requests as programs that others published send them. KEY and
// TOKEN stand for a key and a token, and CERTIFICATE for the file of the authority.
var published = map[string]struct {
	command []string
	in2026  string // part of the error; "" is none
}{
	"curl, in the query": {[]string{
		"curl", "-sS", "--compressed", "--cacert", "CERTIFICATE",
		"https://api.stackexchange.com/2.3/me?site=stackoverflow&key=KEY&access_token=TOKEN",
	}, "Authorization: Bearer"},
	"curl, the key alone in the query": {[]string{
		"curl", "-sS", "--compressed", "--cacert", "CERTIFICATE",
		"https://api.stackexchange.com/2.3/users/7654321?site=stackoverflow&key=KEY",
	}, "Authorization: Bearer"},
	"curl, as Bearer": {[]string{
		"curl", "-sS", "--compressed", "--cacert", "CERTIFICATE", "-H", "Authorization: Bearer TOKEN",
		"https://api.stackexchange.com/2.3/me?site=stackoverflow",
	}, ""},
	"curl, in a body": {[]string{
		"curl", "-sS", "--compressed", "--cacert", "CERTIFICATE", "--data", "key=KEY&access_token=TOKEN",
		"https://api.stackexchange.com/2.3/me?site=stackoverflow",
	}, ""},
	"npm stackexchange": {[]string{"node", "stackexchange.mjs", "KEY", "TOKEN", "7654321"}, "Authorization: Bearer"},
}

// TestPublishedClients runs each of them, unchanged, in a network of its own where
// the API is the sandbox's, by the rules of 2025 and of 2026.
func TestPublishedClients(t *testing.T) {
	t.Parallel()
	for _, year := range []string{"2025", "2026"} {
		t.Run(year, func(t *testing.T) {
			t.Parallel()
			answers := inNamespace(t, year)
			for name, one := range published {
				want := one.in2026
				if year == "2025" {
					want = ""
				}
				var answer struct {
					Items []struct {
						DisplayName string `json:"display_name"`
					} `json:"items"`
					ErrorName    string `json:"error_name"`
					ErrorMessage string `json:"error_message"`
				}
				if err := json.Unmarshal([]byte(answers[name]), &answer); err != nil {
					t.Errorf("%s: %q: %v", name, answers[name], err)
					continue
				}
				passed := len(answer.Items) == 1 && answer.Items[0].DisplayName == "Sandbox User"
				refused := answer.ErrorName == "bad_parameter" && strings.Contains(answer.ErrorMessage, want)
				if want == "" && !passed || want != "" && !refused {
					t.Errorf("%s: %s, want an error with %q", name, answers[name], want)
				}
			}
		})
	}
}

// namespaced is the variable that makes this program run the clients instead of the
// tests. It holds a [stage].
const namespaced = "DSS_TEST_NAMESPACED"

// stage is what a namespace needs.
type stage struct{ Binary, Year, Certificate, Key, Hosts string }

// inNamespace runs this program again, in a network and among mounts of its own, and
// returns what the clients there print.
func inNamespace(t *testing.T, year string) (answers map[string]string) {
	t.Helper()
	folder := t.TempDir()
	s := stage{Binary: binary, Year: year, Hosts: filepath.Join(folder, "hosts")}
	s.Certificate, s.Key, _ = selfsigned.Files(t, folder, apiHost)
	if err := os.WriteFile(s.Hosts, []byte("127.0.0.1 localhost "+apiHost+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	again := exec.CommandContext(bounded(t), "/proc/self/exe")
	again.Env = append(os.Environ(), namespaced+"="+string(text))
	again.Stdout, again.Stderr = &stdout, &stderr
	again.SysProcAttr = program.Namespaces()
	if err := again.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(stdout.Bytes(), &answers); err != nil {
		t.Fatalf("%q: %v\n%s", stdout.String(), err, stderr.String())
	}
	return answers
}

// runNamespaced is what this program does in the namespace.
func runNamespaced(text string) error {
	var s stage
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	if err := errors.Join(startLoopback(), unix.Mount(s.Hosts, "/etc/hosts", "", unix.MS_BIND, "")); err != nil {
		return err
	}
	dss, err := program.Serve(exec.Command(s.Binary, "serve", "--sandbox="+s.Year, "--listen", "127.0.0.1:8080", "--store", "memory:"))
	if err != nil {
		return err
	}
	defer dss.Kill()
	if err := s.serveAPI(dss.URL); err != nil {
		return err
	}
	token, err := approvedToken(dss.URL)
	if err != nil {
		return err
	}
	answers := map[string]string{}
	for name, one := range published {
		filled := strings.NewReplacer("KEY", "aKey((", "TOKEN", token, "CERTIFICATE", s.Certificate)
		args := make([]string, len(one.command))
		for i, arg := range one.command {
			args[i] = filled.Replace(arg)
		}
		client := exec.Command(args[0], args[1:]...)
		client.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+s.Certificate)
		client.Stderr = os.Stderr
		answer, err := client.Output()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		answers[name] = string(answer)
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

// startLoopback makes the namespace's only interface work.
func startLoopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, lo)
}

// serveAPI serves the sandbox's API as Stack Exchange does, until this program ends.
func (s stage) serveAPI(dss string) error {
	target, err := url.Parse(dss + "/sandbox")
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:443")
	if err != nil {
		return err
	}
	front := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	go func() { fmt.Fprintln(os.Stderr, http.ServeTLS(listener, front, s.Certificate, s.Key)) }()
	return nil
}

// approvedToken has the sandbox's user approve an app.
func approvedToken(dss string) (string, error) {
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := browser.Get(dss + "/sandbox/oauth/dialog?client_id=7&sandbox_decision=approve&redirect_uri=" + url.QueryEscape(dss+"/auth/redirect"))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	location, err := response.Location()
	if err != nil {
		return "", err
	}
	fragment, err := url.ParseQuery(location.EscapedFragment())
	return fragment.Get("access_token"), err
}
