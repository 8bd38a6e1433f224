//go:build integration

package process_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/scripted"
	"github.com/desktop-stack-serv/dss/test/engines"
	"github.com/desktop-stack-serv/dss/test/program"
)

// sharedStores are the stores that several servers can use. Each returns the
// value of --store.
var sharedStores = map[string]func(t *testing.T) string{
	"redis":    func(t *testing.T) string { return engines.Redis(t).URL },
	"cluster":  func(t *testing.T) string { return engines.RedisCluster(t).URL },
	"postgres": func(t *testing.T) string { return engines.Postgres(t).URL },
}

// eachSharedStore tests with two servers on each of them.
func eachSharedStore(t *testing.T, binary string, test func(t *testing.T, f *fleet)) {
	for name, open := range sharedStores {
		t.Run(name, func(t *testing.T) {
			store := open(t)
			test(t, startFleet(t, binary, store, store))
		})
	}
}

// fleet is several servers behind a reverse proxy that spreads requests, and a
// Stack Exchange.
type fleet struct {
	*process // by the proxy
	binary   string
	servers  []*process // each by itself
	listen   []string
	args     [][]string
	stats    string // where the proxy tells how it sees the servers
}

// startFleet starts a server for each value of --store.
func startFleet(t *testing.T, binary string, stores ...string) *fleet {
	t.Helper()
	front := program.FreeAddress(t)
	_, port, _ := net.SplitHostPort(front)
	public := "http://localhost:" + port
	sandbox := start(t, "--store", "memory:", "--sandbox", "--limits", "off")
	f := &fleet{binary: binary, process: &process{t: t, url: public, client: newClient()}}
	for _, store := range stores {
		f.listen = append(f.listen, program.FreeAddress(t))
		f.args = append(f.args, []string{
			"--store", store, "--public-url", public, "--limits", "off",
			"--stackexchange-url", sandbox.url + "/sandbox", "--stackexchange-api-url", sandbox.url + "/sandbox/2.3",
		})
		f.servers = append(f.servers, nil)
		f.startServer(len(f.servers) - 1)
	}
	f.startProxy(front)
	return f
}

// startServer starts the i-th server, for the first time or again.
func (f *fleet) startServer(i int) {
	f.t.Helper()
	p := startBinary(f.t, f.binary, f.listen[i], f.args[i]...)
	p.host = strings.TrimPrefix(p.url, "http://")
	p.url = "http://" + f.listen[i]
	f.servers[i] = p
}

const proxySettings = `global
	maxconn 4000
defaults
	mode http
	timeout connect 5s
	timeout client 80s
	timeout server 80s
	timeout check 10s
	retries 3
	option redispatch 1
	retry-on conn-failure
frontend public
	bind %s
	default_backend servers
backend servers
	balance roundrobin
	option httpchk GET /readyz
	default-server check inter 100ms fall 1 rise 1
%slisten stats
	bind %s
	stats enable
	stats uri /
`

// startProxy starts a reverse proxy that gives each request to the next
// server that is ready.
func (f *fleet) startProxy(listen string) {
	f.t.Helper()
	f.stats = program.FreeAddress(f.t)
	servers := ""
	for i, address := range f.listen {
		servers += fmt.Sprintf("\tserver s%d %s\n", i, address)
	}
	settings := fmt.Sprintf(proxySettings, listen, servers, f.stats)
	file := filepath.Join(f.t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		f.t.Fatal(err)
	}
	haproxy, err := exec.LookPath("haproxy")
	if err != nil {
		haproxy = "/usr/sbin/haproxy"
	}
	p, err := program.Launch(exec.Command(haproxy, "-db", "-f", file))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(p.Kill)
	for i := range f.listen {
		f.awaitInProxy(i)
	}
}

// awaitInProxy waits until the proxy gives requests to the i-th server.
func (f *fleet) awaitInProxy(i int) { f.awaitProxy(i, "UP") }

// awaitProxy waits until the proxy thinks that of the i-th server.
func (f *fleet) awaitProxy(i int, status string) {
	f.t.Helper()
	up := regexp.MustCompile(fmt.Sprintf(`(?m)^servers,s%d,(?:[^,]*,){15}%s,`, i, status))
	f.await(fmt.Sprintf("server %d %s in the proxy", i, status), func() bool {
		response, err := http.Get("http://" + f.stats + "/;csv")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return err == nil && up.Match(text)
	})
}

// await waits until something holds.
func (f *fleet) await(what string, holds func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("%s: not within a minute", what)
		}
	}
}

func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: 70 * time.Second}
}

// TestFleet runs every flow with each request at another server.
func TestFleet(t *testing.T) {
	eachSharedStore(t, binary, func(t *testing.T, f *fleet) {
		t.Run("relay", func(t *testing.T) { f.testRelay(t) })
		t.Run("bound key", func(t *testing.T) { f.testBoundKey(t) })
		t.Run("waiter", func(t *testing.T) { f.testWaiter(t) })
		t.Run("conflict", func(t *testing.T) { f.testConflict(t) })
		t.Run("device grant", func(t *testing.T) { f.testDevice(t) })
		t.Run("poll intervals", func(t *testing.T) { f.testPace(t) })
		t.Run("code grant", func(t *testing.T) { f.testCode(t) })
	})
}

func (f *fleet) testRelay(t *testing.T) {
	for _, path := range []string{"/oauth", "/oauth/dialog"} {
		key := rand.Text()
		query := url.Values{"client_id": {"7"}, "redirect_uri": {f.url + "/auth/redirect"}, "state": {key}}
		if path == "/oauth" {
			query.Set("code_challenge", appChallenge)
			query.Set("code_challenge_method", "S256")
		}
		page, err := scripted.New().Visit(f.sandboxURL()+path+"?"+query.Encode(), scripted.Approves)
		if err != nil || page.Status != http.StatusNoContent {
			t.Fatalf("deposit: %d %v", page.Status, err)
		}
		if status, body := f.claim(key); status != http.StatusOK {
			t.Errorf("claim: %d %s", status, body)
		}
		for _, s := range f.servers {
			if status, body := s.claim(key); status != http.StatusNotFound {
				t.Errorf("second claim: %d %s", status, body)
			}
		}
	}
}

func (f *fleet) sandboxURL() string {
	for i, argument := range f.args[0] {
		if argument == "--stackexchange-url" {
			return f.args[0][i+1]
		}
	}
	return ""
}

// boundPair returns a verifier and its key.
func boundPair() (key, verifier string) {
	verifier = rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	return "s256." + base64.RawURLEncoding.EncodeToString(sum[:]), verifier
}

// claimBound claims with a verifier.
func (p *process) claimBound(key, verifier string) (status int, body string) {
	status, _, body, err := p.do("POST", "/auth/token", url.Values{"key": {key}, "verifier": {verifier}})
	if err != nil {
		return 0, err.Error()
	}
	return status, body
}

func (f *fleet) testBoundKey(t *testing.T) {
	key, verifier := boundPair()
	if !f.servers[0].deposit(key, "token-of-it") {
		t.Fatal("no deposit")
	}
	for range 3 { // a lost answer can be had again, from any server
		for _, s := range f.servers {
			if status, body := s.claimBound(key, verifier); status != http.StatusOK || !strings.Contains(body, "token-of-it") {
				t.Errorf("claim: %d %s", status, body)
			}
			if status, body := s.claimBound(key, rand.Text()+rand.Text()); status != http.StatusForbidden {
				t.Errorf("claim with another verifier: %d %s", status, body)
			}
		}
	}
}

// testWaiter has apps wait at each server and deposits at each other one, at
// the same time: the deposit may come before the wait, in the middle of its
// start, or afterwards.
func (f *fleet) testWaiter(t *testing.T) {
	for round := range 20 {
		for i := range f.servers {
			for j := range f.servers {
				key := rand.Text()
				answer := make(chan string, 1)
				began := time.Now()
				go func() {
					status, _, body, err := f.servers[i].do("GET", "/auth/token?wait=60&key="+key, nil)
					answer <- fmt.Sprint(status, body, err)
				}()
				if !f.servers[j].deposit(key, "token-of-it") {
					t.Fatal("no deposit")
				}
				if got := <-answer; !strings.HasPrefix(got, "200") {
					t.Errorf("round %d: waits at %d, deposit at %d: %s", round, i, j, got)
				}
				// Without a notification it is found by a look after ten seconds.
				if took := time.Since(began); took > 9*time.Second {
					t.Errorf("round %d: waits at %d, deposit at %d: it took %v", round, i, j, took)
				}
			}
		}
	}
}

func (f *fleet) testConflict(t *testing.T) {
	key := rand.Text()
	if !f.servers[0].deposit(key, "mine") || !f.servers[1].deposit(key, "somebody-else's") {
		t.Fatal("no deposit")
	}
	if status, body := f.servers[0].claim(key); status != http.StatusConflict {
		t.Errorf("claim: %d %s", status, body)
	}
	if status, _ := f.servers[1].claim(key); status != http.StatusNotFound {
		t.Errorf("second claim: %d", status)
	}
}

func (f *fleet) testDevice(t *testing.T) {
	deviceCode, _, _ := f.device()
	status, answer := f.pollDevice(deviceCode)
	if status != http.StatusOK || answer["access_token"] == "" {
		t.Fatalf("poll: %d %v", status, answer)
	}
	for _, s := range f.servers {
		if status, answer := s.pollDevice(deviceCode); status != http.StatusBadRequest || answer["error"] != "invalid_grant" {
			t.Errorf("poll after the token: %d %v", status, answer)
		}
	}
	if status, _ := f.postForm("/oauth/revoke", url.Values{"client_id": {"7"}, "token": {answer["access_token"].(string)}}); status != http.StatusOK {
		t.Errorf("revocation: %d", status)
	}
}

// testPace polls one server after the other, too early for the device but not
// for any single server.
func (f *fleet) testPace(t *testing.T) {
	status, answer := f.postForm("/oauth/device_authorization", url.Values{"client_id": {"7"}})
	if status != http.StatusOK {
		t.Fatalf("device authorization: %d", status)
	}
	code := answer["device_code"].(string)
	for i, want := range []string{"authorization_pending", "slow_down"} {
		if _, answer := f.servers[i].pollDevice(code); answer["error"] != want {
			t.Errorf("poll %d: %v, want %s", i, answer, want)
		}
	}
}

func (f *fleet) testCode(t *testing.T) {
	code, verifier := f.codeGrant()
	status, answer := f.servers[1].exchange(code, verifier)
	if status != http.StatusOK || answer["access_token"] == "" {
		t.Fatalf("exchange: %d %v", status, answer)
	}
	if status, answer := f.servers[0].exchange(code, verifier); status != http.StatusBadRequest || answer["error"] != "invalid_grant" {
		t.Errorf("second exchange: %d %v", status, answer)
	}
}
