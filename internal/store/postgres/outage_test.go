//go:build integration

package postgres

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/test/engines"
)

// bound is what an operation may take, with room for a busy machine. Without a
// bound the system would give up after minutes.
const bound = queueTime + batchTime + 20*time.Second

// fails wants an error in time, which is not the driver's.
func fails(t testing.TB, what string, operation func() error) error {
	t.Helper()
	began := time.Now()
	err := operation()
	var own store.Trouble
	if took := time.Since(began); !errors.As(err, &own) || took > bound {
		t.Errorf("%s: %v after %v", what, err, took)
	}
	return err
}

// allFail wants errors from every operation.
func allFail(t testing.TB, s *Store) {
	t.Helper()
	fails(t, "Create", func() error { _, err := s.Create(t.Context(), id(90), []byte("x"), time.Minute); return err })
	fails(t, "Get", func() error { _, _, err := s.Get(t.Context(), id(90)); return err })
	fails(t, "Take", func() error { _, _, err := s.Take(t.Context(), id(90)); return err })
	fails(t, "Replace", func() error {
		_, err := s.Replace(t.Context(), id(90), []byte("x"), []byte("y"), time.Minute)
		return err
	})
}

// restart starts a server again. One that was killed leaves processes that
// need a moment to notice.
func restart(t testing.TB, server *engines.Server) {
	t.Helper()
	eventually(t, "the server starts again", func() bool { return server.Restart() == nil })
}

// recovers polls until an operation succeeds.
func recovers(t testing.TB, s *Store) {
	t.Helper()
	eventually(t, "the store works again", func() bool {
		_, _, err := s.Get(t.Context(), id(0))
		return err == nil
	})
}

// lines collects log lines.
type lines struct{ all chan string }

func (l lines) Write(p []byte) (int, error) {
	l.all <- string(p)
	return len(p), nil
}

// next waits for a line that contains text; others may only be about sweeping.
func (l lines) next(t testing.TB, text string) {
	t.Helper()
	for timeout := time.After(30 * time.Second); ; {
		select {
		case line := <-l.all:
			if strings.Contains(line, text) {
				return
			}
			if !strings.Contains(line, "expired entries are not removed") {
				t.Fatalf("logged %q, want %q", line, text)
			}
		case <-timeout:
			t.Fatalf("never logged: %s", text)
		}
	}
}

// TestOutage stops and kills the server, and starts it again.
func TestOutage(t *testing.T) {
	server := engines.Postgres(t)
	log := lines{make(chan string, 100)}
	s, err := Open(t.Context(), server.URL, store.Limits{}, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	start(t, s)
	for n, down := range []func(){server.Stop, server.Kill} {
		create(t, s, n, "kept")
		woken := watching(t, s, 50+n)
		down()
		allFail(t, s)
		log.next(t, "notifications are lost")
		later := watching(t, s, 60+n) // returns though nothing can notify
		restart(t, server)
		recovers(t, s)
		fires(t, "the watch from before the outage", woken)
		fires(t, "the watch from within it", later)
		log.next(t, "notifications are back")
		if got := take(t, s, n); got != "kept" {
			t.Errorf("took %q after the outage", got)
		}
	}
	for len(log.all) > 0 {
		if line := <-log.all; strings.Contains(line, "notifications") {
			t.Errorf("logged more than once for each change: %s", line)
		}
	}
}

// TestNoConnectionFailsTwice restarts the server below a pool of idle
// connections, each of which is dead then.
func TestNoConnectionFailsTwice(t *testing.T) {
	server := engines.Postgres(t, "fsync=off")
	s := running(t, server.URL)
	var conns []*pgxpool.Conn
	for range defaultConns {
		conn, err := s.pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	for _, conn := range conns {
		conn.Release()
	}
	server.Stop()
	restart(t, server)
	failed := 0
	for range 4 * defaultConns {
		if _, _, err := s.Get(t.Context(), id(1)); err != nil {
			failed++
		}
	}
	if failed > 1 {
		t.Errorf("%d requests failed after a restart", failed)
	}
}

// TestHalfOpen stops everything on the way to the server while connections
// stay.
func TestHalfOpen(t *testing.T) {
	p, url := between(t, shared)
	_, direct, _ := strings.Cut(schemaURL(t), "&")
	s := open(t, url+"&"+direct)
	s.quiet = 500 * time.Millisecond
	start(t, s)
	create(t, s, 1, "kept")
	woken := watching(t, s, 2)
	p.gate.Lock()
	allFail(t, s)
	p.gate.Unlock()
	recovers(t, s)
	fires(t, "the watch, after the subscription was found dead", woken)
	if got := take(t, s, 1); got != "kept" {
		t.Errorf("took %q", got)
	}
	p.cut()
	recovers(t, s)
}

// locked locks entries from elsewhere; unlock ends that.
func locked(t testing.TB, s *Store, statement string) (unlock func()) {
	t.Helper()
	conn, err := s.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx, err := conn.Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), s.table.sql(statement))
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(context.Background()); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
			t.Error(err)
		}
		conn.Release()
	}
}

// TestServerGivesUpFirst has a take wait for a lock for too long: the server
// undoes it before we stop waiting, and says so, unless the machine is too busy
// for it to say so in time.
func TestServerGivesUpFirst(t *testing.T) {
	s := running(t, schemaURL(t))
	create(t, s, 1, "value")
	unlock := locked(t, s, "SELECT FROM {entries} FOR UPDATE")
	eventually(t, "the server gives up first", func() bool {
		err := fails(t, "Take", func() error { _, _, err := s.Take(t.Context(), id(1)); return err })
		return err != nil && strings.Contains(err.Error(), "undid")
	})
	unlock()
	if got := take(t, s, 1); got != "value" {
		t.Errorf("took %q", got)
	}
}

// TestGivingUpInTheQueue has all lanes wait for a lock: who leaves, or has
// waited for long enough, has changed nothing.
func TestGivingUpInTheQueue(t *testing.T) {
	s := running(t, schemaURL(t))
	for n := range lanes + 2 {
		create(t, s, n, "value")
	}
	unlock := locked(t, s, "SELECT FROM {entries} FOR UPDATE")
	blocked := make(chan error, lanes)
	for n := range lanes {
		go func() {
			_, _, err := s.Take(context.Background(), id(n))
			blocked <- err
		}()
		eventually(t, "the lane is taken", func() bool {
			s.takes.mu.Lock()
			defer s.takes.mu.Unlock()
			return s.takes.running == n+1 && len(s.takes.waiting) == 0
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, _, err := s.Take(ctx, id(lanes))
		left <- err
	}()
	eventually(t, "the take waits", func() bool {
		s.takes.mu.Lock()
		defer s.takes.mu.Unlock()
		return len(s.takes.waiting) == 1
	})
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v", err)
	}
	if _, _, err := s.Take(t.Context(), id(lanes+1)); !errors.Is(err, errBusy) {
		t.Errorf("who waited for long got %v", err)
	}
	unlock()
	for range lanes {
		<-blocked // either outcome is right
	}
	for n := lanes; n < lanes+2; n++ {
		if got := take(t, s, n); got != "value" {
			t.Errorf("entry %d is %q", n, got)
		}
	}
}
