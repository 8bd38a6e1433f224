//go:build integration

package redis

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/test/engines"
)

// slack is added to bounds, because tests share the machine. It is far from
// what would be without them: the system gives up after minutes.
const slack = 20 * time.Second

// failsInTime checks that every operation reports an error within the bound.
func failsInTime(t *testing.T, s *Store) {
	t.Helper()
	for name, operation := range map[string]func() error{
		"create":  func() error { _, err := s.Create(t.Context(), id(99), nil, time.Minute); return err },
		"get":     func() error { _, _, err := s.Get(t.Context(), id(99)); return err },
		"take":    func() error { _, _, err := s.Take(t.Context(), id(99)); return err },
		"replace": func() error { _, err := s.Replace(t.Context(), id(99), nil, nil, time.Minute); return err },
		"watch": func() error {
			_, err := s.Watch(t.Context(), id(99))
			return errors.Join(err, errors.New("never fails"))
		},
	} {
		began := time.Now()
		err := operation()
		if err == nil || errors.Is(err, sealed.ErrFull) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s during an outage: %v", name, err)
		}
		if took := time.Since(began); took > CallTimeout+slack {
			t.Errorf("%s took %s", name, took)
		}
	}
}

// recovers waits until s works again and other's deposits wake its watchers.
// Nodes of a cluster take a moment to talk to each other again, so that a
// wake may be lost at first.
func recovers(t *testing.T, s, other *Store, n int) {
	t.Helper()
	subscribed(t, s)
	eventually(t, "recovery", func() error {
		n++
		c := watching(t, s, n)
		if _, err := other.Create(t.Context(), id(n), []byte("after"), time.Hour); err != nil {
			return err
		}
		select {
		case <-c:
		case <-time.After(time.Second):
			return errors.New("the watch does not fire")
		}
		value, ok, err := s.Take(t.Context(), id(n))
		if err == nil && (!ok || string(value) != "after") {
			t.Fatalf("took %q, %v", value, ok)
		}
		return err
	})
}

func TestKilledAndRestarted(t *testing.T) {
	server := engines.Redis(t)
	s, other := running(t, server.URL), running(t, server.URL)
	create(t, s, 1, "kept")
	woken := watching(t, s, 2)
	server.Kill()
	failsInTime(t, s)
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	fires(t, woken) // a notification may have been lost
	recovers(t, s, other, 1000)
	if got := take(t, other, 1); got != "kept" {
		t.Errorf("took %q after a crash", got)
	}
}

func TestNodeKilledAndRestarted(t *testing.T) {
	cluster := engines.RedisCluster(t)
	s, other := running(t, cluster.URL), running(t, cluster.URL)
	for n := range 100 {
		create(t, s, n, "kept")
	}
	for _, node := range cluster.Nodes {
		node.Kill()
		if err := node.Restart(); err != nil {
			t.Fatal(err)
		}
		recovers(t, s, other, 1000)
	}
	for n := range 100 {
		eventually(t, "answer", func() error {
			value, ok, err := other.Get(t.Context(), id(n))
			if err == nil && (!ok || string(value) != "kept") {
				t.Fatalf("%d is lost", n)
			}
			return err
		})
	}
}

// TestSilence has a server that keeps its connections and says nothing.
func TestSilence(t *testing.T) {
	server := engines.Redis(t)
	var log lockedBuffer
	s := running(t, server.URL, func(s *Store) { s.log = slog.New(slog.NewTextHandler(&log, nil)) })
	other := running(t, server.URL)
	create(t, s, 1, "kept")
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	failsInTime(t, s)
	eventually(t, "end of the subscription", func() error {
		if s.subscription.Up() {
			return errors.New("it is still there")
		}
		return nil
	})
	if took := time.Since(began); took > 5*(CallTimeout+slack) {
		t.Errorf("the dead connection was found after %s", took)
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	recovers(t, s, other, 1000)
	recovers(t, other, s, 2000)
	if got := take(t, s, 1); got != "kept" {
		t.Errorf("took %q", got)
	}
	eventually(t, "word of the recovery", func() error {
		if text := log.String(); strings.Count(text, "level=WARN") != 1 || strings.Count(text, "level=INFO") != 1 {
			return errors.New(text)
		}
		return nil
	})
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// TestLostAnswerIsNotAskedForAgain cuts connections when a script has run and
// before its answer is there.
func TestLostAnswerIsNotAskedForAgain(t *testing.T) {
	server := engines.Redis(t)
	p := startProxy(t, server.Port)
	s, direct := open(t, p.url(), store.Limits{}), running(t, server.URL)
	defer s.Close()
	take(t, s, 1) // the scripts are known from now on
	create(t, s, 1, "value")
	take(t, s, 1)
	// once reports how often operation ran on the server.
	once := func(operation func() error) int {
		create(t, direct, 3, "to be taken")
		before := scriptRuns(t, server)
		p.setMute(true)
		if err := operation(); err == nil || !strings.Contains(err.Error(), "no connection") {
			t.Errorf("no error although the answer was lost: %v", err)
		}
		p.setMute(false)
		if got := take(t, s, 4); got != "absent" { // after all that may be on the way
			t.Errorf("took %q", got)
		}
		runs := scriptRuns(t, server) - before - 1
		take(t, direct, 3)
		return runs
	}
	for name, operation := range map[string]func() error{
		"create": func() error { _, err := s.Create(t.Context(), id(2), []byte("created"), time.Hour); return err },
		"take":   func() error { _, _, err := s.Take(t.Context(), id(3)); return err },
	} {
		// A connection may be found dead before anything is sent: then it is
		// tried again here.
		runs := 0
		for range 20 {
			if runs = once(operation); runs != 0 {
				break
			}
		}
		if runs != 1 {
			t.Errorf("%s ran %d times", name, runs)
		}
	}
	if got := take(t, direct, 2); got != "created" {
		t.Errorf("the creation whose answer was lost: %q", got)
	}
}

var evalCalls = regexp.MustCompile(`cmdstat_eval(?:sha)?:calls=(\d+)`)

// scriptRuns is how many scripts a server has been asked to run.
func scriptRuns(t *testing.T, server *engines.Server) (runs int) {
	t.Helper()
	info, err := server.RedisCommand("INFO", "commandstats")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range evalCalls.FindAllStringSubmatch(info, -1) {
		var n int
		for _, digit := range match[1] {
			n = 10*n + int(digit-'0')
		}
		runs += n
	}
	return runs
}

// TestCallerWhoLeaves takes for somebody who is gone before the answer: it
// must come back all the same, or it would be lost.
func TestCallerWhoLeaves(t *testing.T) {
	server := engines.Redis(t)
	p := startProxy(t, server.Port)
	s := running(t, p.url())
	for range 20 {
		if leaves(t, server, p, s) {
			return
		}
	}
	t.Error("no script got on its way")
}

// leaves has a caller leave while its Take is on its way. It reports false if
// nothing was sent, because a connection had to be made first.
func leaves(t *testing.T, server *engines.Server, p *proxy, s *Store) bool {
	t.Helper()
	take(t, s, 1)
	create(t, s, 1, "value")
	p.forget()
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	type taken struct {
		value []byte
		ok    bool
		err   error
	}
	done := make(chan taken, 1)
	go func() {
		value, ok, err := s.Take(ctx, id(1))
		done <- taken{value, ok, err}
	}()
	sent := false
	select {
	case <-p.scripts:
		sent = true
		cancel()
	case got := <-done:
		done <- got
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	if got := <-done; sent && (!got.ok || string(got.value) != "value" || got.err != nil) {
		t.Errorf("Take = %q, %v, %v", got.value, got.ok, got.err)
	}
	return sent
}

// TestAddressThatMoves has an address lead to another server while the
// connections to the old one, now a replica, stay.
func TestAddressThatMoves(t *testing.T) {
	old, promoted := engines.Redis(t), engines.Redis(t)
	p := startProxy(t, old.Port)
	s := running(t, p.url())
	create(t, s, 1, "value")
	p.lead(promoted.Port)
	if _, err := old.RedisCommand("REPLICAOF", "127.0.0.1", "1"); err != nil {
		t.Fatal(err)
	}
	refused := false
	for n := 2; n < 100 && !refused; n++ { // there are several connections; some may be made only now
		_, err := s.Create(t.Context(), id(n), []byte("value"), time.Hour)
		refused = err != nil
		if refused && !strings.Contains(err.Error(), "replica") {
			t.Errorf("Create on a replica: %v", err)
		}
	}
	if !refused {
		t.Error("nothing was refused")
	}
	recovers(t, s, s, 1000)
}
