//go:build integration

package process_test

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/engines"
	"github.com/desktop-stack-serv/dss/test/program"
)

// answerLimit is how long a server may take to say that its store does not
// answer. It does one or a few operations of three seconds at most.
const answerLimit = 15 * time.Second

// faultyFleet is a fleet of two on one engine, each with a way of its own to
// it that can be broken.
type faultyFleet struct {
	*fleet
	engine *engines.Server
	ways   []*faultProxy
}

// eachFaultyFleet tests such a fleet on each engine, beside other tests: most of
// the time they wait for a store that does not answer.
func eachFaultyFleet(t *testing.T, test func(t *testing.T, f *faultyFleet)) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T) *engines.Server{
		"redis":    func(t *testing.T) *engines.Server { return engines.Redis(t) },
		"postgres": func(t *testing.T) *engines.Server { return engines.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &faultyFleet{engine: start(t)}
			address := net.JoinHostPort("127.0.0.1", fmt.Sprint(f.engine.Port))
			var stores []string
			for range 2 {
				way := startFaultProxy(t, program.FreeAddress(t), address)
				f.ways = append(f.ways, way)
				stores = append(stores, strings.Replace(f.engine.URL, address, way.listen, 1))
			}
			f.fleet = startFleet(t, binary, stores...)
			test(t, f)
		})
	}
}

// ask is do, within a time that holds whatever happens to the store.
func (p *process) ask(method, path string, form url.Values) (int, http.Header, string) {
	began := time.Now()
	status, header, body, err := p.do(method, path, form)
	if err != nil {
		p.t.Errorf("%s %s: %v", method, path, err)
	}
	if took := time.Since(began); took > answerLimit {
		p.t.Errorf("an answer took %v", took)
	}
	if status == http.StatusServiceUnavailable && header.Get("Retry-After") == "" {
		p.t.Errorf("503 without Retry-After: %s", body)
	}
	return status, header, body
}

func (f *fleet) awaitReady(status int, servers ...int) {
	f.t.Helper()
	for _, i := range servers {
		f.await(fmt.Sprintf("readiness %d of server %d", status, i), func() bool {
			got, _, _, err := f.servers[i].do("GET", "/readyz", nil)
			return err == nil && got == status
		})
	}
}

// TestStoreGone kills the store for good, and later starts it again.
func TestStoreGone(t *testing.T) {
	eachFaultyFleet(t, func(t *testing.T, f *faultyFleet) {
		kept := rand.Text()
		if !f.deposit(kept, "token-of-"+kept) {
			t.Fatal("no deposit")
		}
		resumes, verifier := boundPair()
		waited := make(chan string, 1)
		go func() { waited <- f.waitThroughOutage(resumes, verifier) }()

		f.engine.Kill()
		f.awaitReady(http.StatusServiceUnavailable, 0, 1)
		for _, s := range f.servers {
			lost := rand.Text()
			if status, _, body := s.ask("POST", "/auth/redirect", url.Values{"state": {lost}, "access_token": {lost}}); status != http.StatusServiceUnavailable {
				t.Errorf("deposit: %d %s", status, body)
			}
			for _, wait := range []string{"", "&wait=30"} {
				if status, _, body := s.ask("GET", "/auth/token?key="+kept+wait, nil); status != http.StatusServiceUnavailable || !strings.Contains(body, "temporarily_unavailable") {
					t.Errorf("claim: %d %s", status, body)
				}
			}
			if status, _, body := s.ask("POST", "/oauth/device_authorization", url.Values{"client_id": {"7"}}); status != http.StatusServiceUnavailable {
				t.Errorf("device authorization: %d %s", status, body)
			}
			if status, _, _ := s.ask("GET", "/healthz", nil); status != http.StatusOK {
				t.Errorf("health: %d", status)
			}
		}

		if err := f.engine.Restart(); err != nil {
			t.Fatal(err)
		}
		f.awaitReady(http.StatusOK, 0, 1)
		if status, body := f.servers[0].claim(kept); status != http.StatusOK || !strings.Contains(body, "token-of-"+kept) {
			t.Errorf("claim of what was there before: %d %s", status, body)
		}
		if status, _ := f.servers[1].claim(kept); status != http.StatusNotFound {
			t.Errorf("second claim: %d", status)
		}
		if !f.servers[1].deposit(resumes, "token-of-it") {
			t.Error("no deposit after the outage")
		}
		if got := <-waited; !strings.Contains(got, "token-of-it") {
			t.Errorf("who waited during the outage got %s", got)
		}
	})
}

// waitThroughOutage asks the first server until it answers with something
// other than 503.
func (f *fleet) waitThroughOutage(key, verifier string) string {
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		status, _, body, err := f.servers[0].do("POST", "/auth/token", url.Values{"key": {key}, "verifier": {verifier}, "wait": {"60"}})
		if err != nil || status == http.StatusServiceUnavailable {
			time.Sleep(50 * time.Millisecond) // an app would heed Retry-After
			continue
		}
		return fmt.Sprint(status, " ", body)
	}
	return "nothing in two minutes"
}

// TestCutOff cuts one server off its store. It says so; the other goes on, and
// what was deposited there is at the first one too once the cut is mended.
func TestCutOff(t *testing.T) {
	eachFaultyFleet(t, func(t *testing.T, f *faultyFleet) {
		heal := f.ways[0].poison("timeout", "downstream", map[string]any{"timeout": 0}) // half-open: silence
		f.awaitReady(http.StatusServiceUnavailable, 0)
		f.awaitProxy(0, "DOWN")
		key := rand.Text()
		if !f.deposit(key, "token-of-it") {
			t.Error("no deposit at the other server")
		}
		if status, _, body := f.servers[0].ask("GET", "/auth/token?key="+key, nil); status != http.StatusServiceUnavailable {
			t.Errorf("claim at the server that is cut off: %d %s", status, body)
		}
		heal()
		f.awaitReady(http.StatusOK, 0)
		other := rand.Text()
		answer := make(chan string, 1)
		go func() {
			status, _, body := f.servers[0].ask("GET", "/auth/token?wait=60&key="+other, nil)
			answer <- fmt.Sprint(status, body)
		}()
		if !f.servers[1].deposit(other, "token-of-another") {
			t.Error("no deposit")
		}
		if got := <-answer; !strings.Contains(got, "token-of-another") {
			t.Errorf("a wait after the cut: %s", got)
		}
	})
}

// TestStoreFaults breaks the network to the store, and the store, at random,
// while apps sign in, and checks the invariants.
func TestStoreFaults(t *testing.T) {
	eachFaultyFleet(t, func(t *testing.T, f *faultyFleet) {
		seed := mathrand.Uint64()
		t.Logf("seed %d", seed)
		random := mathrand.New(mathrand.NewPCG(seed, 0))
		h := &history{fleet: f.fleet}
		stop := make(chan struct{})
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() { h.work(i, stop) })
		}
		for range 10 {
			f.breakSomething(random)
		}
		f.awaitReady(http.StatusOK, 0, 1)
		close(stop)
		group.Wait()
		h.check()
	})
}

// breakSomething breaks one thing until some sign-ins have been tried.
func (f *faultyFleet) breakSomething(random *mathrand.Rand) {
	way := f.ways[random.IntN(len(f.ways))]
	pause := time.Duration(100+random.IntN(1500)) * time.Millisecond
	faults := map[string]func() (heal func()){
		"latency": func() func() {
			return way.poison("latency", "downstream", map[string]any{"latency": 300, "jitter": 300})
		},
		"resets":        func() func() { return way.poison("reset_peer", "downstream", map[string]any{"timeout": 0}) },
		"cut answers":   func() func() { return way.poison("limit_data", "downstream", map[string]any{"bytes": 300}) },
		"cut requests":  func() func() { return way.poison("limit_data", "upstream", map[string]any{"bytes": 300}) },
		"half-open":     func() func() { return way.poison("timeout", "downstream", map[string]any{"timeout": 0}) },
		"kill":          func() func() { f.engine.Kill(); return f.mustRestart },
		"orderly stop":  func() func() { f.engine.Stop(); return f.mustRestart },
		"store stalled": f.stall,
	}
	names := []string{"latency", "resets", "cut answers", "cut requests", "half-open", "kill", "orderly stop", "store stalled"}
	name := names[random.IntN(len(names))]
	f.t.Logf("%s for %v", name, pause)
	heal := faults[name]()
	<-time.After(pause)
	heal()
}

func (f *faultyFleet) mustRestart() {
	if err := f.engine.Restart(); err != nil {
		f.t.Error(err)
	}
}

func (f *faultyFleet) stall() func() {
	if err := f.engine.Pause(); err != nil {
		f.t.Error(err)
	}
	return func() {
		if err := f.engine.Resume(); err != nil {
			f.t.Error(err)
		}
	}
}
