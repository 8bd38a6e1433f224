//go:build integration

package process_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/scripted"
	"github.com/desktop-stack-serv/dss/test/engines"
)

// lastMoments bounds what may be lost, or come twice, where replication is
// asynchronous: it is about the time after which a Redis primary without its
// replicas refuses changes, and far more than they are behind.
const lastMoments = 5 * time.Second

// The ways to sign in.
const (
	byRelay  = "relay"
	byCode   = "loopback code grant"
	byDevice = "device grant"
)

// trial is one sign-in while the primary of the store fails.
type trial struct {
	way    string
	bound  bool      // to a verifier
	server int       // where a deposit was made
	began  time.Time // when the user began,
	stored time.Time // and had done their part; zero if that failed
	fetch  func(server int) outcome
	got    []time.Time // when the requests began that brought the token
	unsure bool        // a request for it failed, so nobody knows whether it was taken
}

// outcome is what a request for a token brings.
type outcome int

const (
	nothing outcome = iota
	unsure          // ask again
	token
)

// failover is two servers on a store whose primary fails.
type failover struct {
	*fleet
	keeps bool // what was acknowledged survives

	mu     sync.Mutex
	trials []*trial
	killed time.Time // when the primary was about to be
	dead   time.Time // when it was
}

func TestFailoverUnderSentinel(t *testing.T) {
	t.Parallel()
	set := engines.Sentinel(t, 2, "--min-replicas-to-write", "1", "--min-replicas-max-lag", "3")
	promoted := func() error { return nil } // the sentinels see to it
	testFailover(t, set.URL, false, set.Primary, promoted)
}

func TestFailoverInCluster(t *testing.T) {
	t.Parallel()
	cluster := engines.ReplicatedCluster(t)
	testFailover(t, cluster.URL, false, cluster.Nodes[1], func() error { return cluster.AwaitFailover(1) })
}

func TestFailoverToStandby(t *testing.T) { testPostgresFailover(t, false) }

func TestFailoverToSynchronousStandby(t *testing.T) { testPostgresFailover(t, true) }

func testPostgresFailover(t *testing.T, synchronous bool) {
	t.Parallel()
	pair := engines.PostgresPair(t, synchronous)
	testFailover(t, pair.URL, synchronous, pair.Primary, pair.Promote)
}

// testFailover signs in in all three ways, at two servers, before, while and
// after the primary fails, and looks at what apps got in the end.
func testFailover(t *testing.T, store string, keeps bool, primary *engines.Server, promote func() error) {
	f := &failover{fleet: startFleet(t, binary, store, store), keeps: keeps}
	stop := make(chan struct{})
	var workers sync.WaitGroup
	for _, way := range []func(n int) *trial{f.relay, f.relay, f.code, f.code, f.code, f.device, f.device, f.device} {
		workers.Go(func() { f.work(way, stop) })
	}
	f.await("sign-ins before the failure", func() bool { return f.served(20, time.Time{}) })
	f.killed = time.Now()
	primary.Kill()
	f.dead = time.Now()
	if err := promote(); err != nil {
		t.Fatal(err)
	}
	after := time.Now()
	f.await("sign-ins after the failure", func() bool { return f.served(3, after) })
	close(stop)
	workers.Wait()
	f.awaitReady(http.StatusOK, 0, 1)
	f.check()
	for _, s := range f.servers {
		if s.Ended() {
			t.Error("a server has ended")
		}
	}
}

// work signs in until stop is closed.
func (f *failover) work(way func(n int) *trial, stop <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		s := way(n)
		if s.stored.IsZero() {
			<-time.After(100 * time.Millisecond) // the user tries again
			continue
		}
		if s.way != byRelay || n%4 != 0 { // else the app comes in the end
			f.finish(s, stop)
		}
		f.mu.Lock()
		f.trials = append(f.trials, s)
		f.mu.Unlock()
	}
}

// finish asks at both servers at once, and once more if that leaves it unclear
// whether a token is there. What is still unclear then is seen in the end: a
// code that was being redeemed when the store failed stays so for half a minute.
func (f *failover) finish(s *trial, stop <-chan struct{}) {
	pause := 200 * time.Millisecond
	if s.way == byDevice {
		pause = 6 * time.Second // or the server says slow_down
	}
	if f.ask2(s) != unsure {
		return
	}
	select {
	case <-stop:
	case <-time.After(pause):
		f.ask2(s)
	}
}

// ask2 asks both servers at once.
func (f *failover) ask2(s *trial) outcome {
	began := time.Now()
	var results [2]outcome
	var both sync.WaitGroup
	for i := range results {
		both.Go(func() { results[i] = s.fetch(i) })
	}
	both.Wait()
	for _, result := range results {
		switch result {
		case token:
			s.got = append(s.got, began)
		case unsure:
			s.unsure = true
		}
	}
	return max(results[0], results[1])
}

// served reports whether the relay of each server has led to so many tokens
// since some time, and the other ways to a few.
func (f *failover) served(relayed int, since time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := map[string]int{}
	for _, s := range f.trials {
		if len(s.got) > 0 && s.began.After(since) {
			seen[fmt.Sprint(s.way, s.server)]++
		}
	}
	return min(seen[byRelay+"0"], seen[byRelay+"1"]) >= relayed && min(seen[byCode+"0"], seen[byDevice+"0"]) >= 2
}

// relay deposits as a browser does whose user presses the button again.
func (f *failover) relay(n int) *trial {
	key, secret, form := rand.Text(), "token-"+rand.Text(), url.Values{}
	s := &trial{way: byRelay, bound: n%3 == 0, server: n % 2, began: time.Now()}
	if s.bound {
		var verifier string
		key, verifier = boundPair()
		form.Set("verifier", verifier)
	}
	form.Set("key", key)
	for try := 0; try < 5 && s.stored.IsZero(); try++ {
		status, _, body := f.servers[s.server].ask("POST", "/auth/redirect", url.Values{"state": {key}, "access_token": {secret}})
		switch status {
		case http.StatusNoContent:
			s.stored = time.Now()
		case http.StatusServiceUnavailable:
		default:
			f.t.Errorf("deposit: %d %s", status, body)
		}
	}
	s.fetch = func(server int) outcome {
		switch status, _, body := f.servers[server].ask("POST", "/auth/token", form); {
		case status == http.StatusOK && strings.Contains(body, `"`+secret+`"`):
			return token
		case status == http.StatusNotFound:
			return nothing
		case status != http.StatusServiceUnavailable:
			f.t.Errorf("claim: %d %s", status, body)
		}
		return unsure
	}
	return s
}

// code signs in up to the app's code.
func (f *failover) code(int) *trial {
	s := &trial{way: byCode, began: time.Now()}
	code, err := authorize(scripted.New(), f.url, "")
	if err != nil {
		return s
	}
	s.stored = time.Now()
	s.fetch = func(server int) outcome {
		return f.redeem(server, exchangeForm(code, appVerifier))
	}
	return s
}

// device signs in on a device.
func (f *failover) device(int) *trial {
	s := &trial{way: byDevice, began: time.Now()}
	status, _, body, err := f.do("POST", "/oauth/device_authorization", url.Values{"client_id": {"7"}})
	var answer struct {
		DeviceCode string `json:"device_code"`
		Address    string `json:"verification_uri_complete"`
	}
	if err != nil || status != http.StatusOK || json.Unmarshal([]byte(body), &answer) != nil {
		return s
	}
	if page, err := scripted.New().Visit(answer.Address, scripted.Approves); err != nil || !strings.HasSuffix(page.URL.Path, "/device/finished") {
		return s
	}
	s.stored = time.Now()
	s.fetch = func(server int) outcome {
		return f.redeem(server, pollForm(answer.DeviceCode))
	}
	return s
}

func (f *failover) redeem(server int, form url.Values) outcome {
	status, _, body := f.servers[server].ask("POST", "/oauth/token", form)
	var answer struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		f.t.Errorf("%d %s: %v", status, body, err)
	}
	switch {
	case status == http.StatusOK && answer.AccessToken != "":
		return token
	case answer.Error == "invalid_grant":
		return nothing
	case answer.Error == "slow_down", answer.Error == "authorization_pending", answer.Error == "temporarily_unavailable":
	default:
		f.t.Errorf("%d %s", status, body)
	}
	return unsure
}

// check asks for everything once more. What docs/operating.md promises must
// hold; what it admits is counted.
func (f *failover) check() {
	var group sync.WaitGroup
	next := make(chan *trial)
	for range 8 {
		group.Go(func() {
			for s := range next {
				f.ask2(s)
			}
		})
	}
	for _, s := range f.trials {
		next <- s
	}
	close(next)
	group.Wait()
	counts := map[string]int{}
	for _, s := range f.trials {
		counts[s.way]++
		switch {
		case len(s.got) == 0:
			counts["none by the "+s.way]++
			if why := f.mustNotBeLost(s); why != "" {
				f.t.Errorf("%s: a token is lost, %s; acknowledged %v before the failure", s.way, why, f.killed.Sub(s.stored))
			}
		case len(s.got) > 1 && !s.bound:
			counts["twice by the "+s.way]++
			if f.keeps || s.way != byRelay || !f.inLastMoments(s.got[0], s.got[0]) {
				f.t.Errorf("%s: a token came %d times, first %v before the failure", s.way, len(s.got), f.killed.Sub(s.got[0]))
			}
		}
	}
	f.t.Logf("sign-ins: %v", counts)
}

// inLastMoments reports whether something was going on, or so shortly over,
// when the primary failed that the next one may not know of it.
func (f *failover) inLastMoments(began, ended time.Time) bool {
	return began.Before(f.dead) && ended.After(f.killed.Add(-lastMoments))
}

// mustNotBeLost says why an acknowledged sign-in may not have come to nothing;
// "" if it may.
func (f *failover) mustNotBeLost(s *trial) string {
	switch {
	case !f.keeps && f.inLastMoments(s.began, s.stored):
		return ""
	case s.bound:
		return "though its claim could be repeated"
	case s.unsure:
		return "" // the answer was
	}
	return "though no request for it failed"
}
