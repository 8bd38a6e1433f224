//go:build integration

package postgres

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/test/engines"
)

// TestFailedCommit has transactions fail at their very end, after the server
// has sent their rows: nothing of that may be reported as done.
func TestFailedCommit(t *testing.T) {
	for _, mode := range []string{"cache_describe", "cache_statement", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			s := running(t, schemaURL(t, "default_query_exec_mode="+mode))
			create(t, s, 1, "value")
			sql(t, shared, s.table.sql(`CREATE FUNCTION "`+s.table.schema+`".refuse() RETURNS trigger LANGUAGE plpgsql AS
				$$ BEGIN RAISE EXCEPTION 'refused at the commit'; END $$;
				CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE OR DELETE ON {entries} DEFERRABLE INITIALLY DEFERRED
				FOR EACH ROW EXECUTE FUNCTION "`+s.table.schema+`".refuse()`))
			if value, ok, err := s.Take(t.Context(), id(1)); ok || value != nil || err == nil {
				t.Errorf("Take = %q, %v, %v", value, ok, err)
			}
			if ok, err := s.Create(t.Context(), id(2), []byte("value"), time.Minute); ok || err == nil {
				t.Errorf("Create = %v, %v", ok, err)
			}
			if ok, err := s.Replace(t.Context(), id(1), []byte("value"), []byte("other"), time.Minute); ok || err == nil {
				t.Errorf("Replace = %v, %v", ok, err)
			}
			sql(t, shared, s.table.sql("DROP TRIGGER refuse ON {entries}"))
			if one, two := take(t, s, 1), take(t, s, 2); one != "value" || two != "absent" {
				t.Errorf("took %q and %q", one, two)
			}
		})
	}
}

// history is what a worker was told about its entries.
type history struct {
	created, taken, unsure []int
}

func (h *history) work(t *testing.T, s *Store, worker int) {
	for n := worker * 1_000_000; ; n++ {
		ok, err := s.Create(t.Context(), id(n), fmt.Append(nil, n), time.Hour)
		if err != nil {
			h.unsure = append(h.unsure, n)
			return
		}
		if !ok {
			t.Errorf("entry %d existed", n)
		}
		if rand.IntN(2) == 0 {
			h.created = append(h.created, n)
			continue
		}
		value, ok, err := s.Take(t.Context(), id(n))
		if err != nil {
			h.unsure = append(h.unsure, n)
			return
		}
		if !ok || string(value) != fmt.Sprint(n) {
			t.Errorf("Take of %d = %q, %v", n, value, ok)
		}
		h.taken = append(h.taken, n)
	}
}

// TestKill kills the server under load: what was acknowledged is there after
// the restart, and nothing that was taken comes back. The role has
// synchronous_commit off, and nothing but commits writes the log, so that this
// fails if the store does not see to it.
func TestKill(t *testing.T) {
	server := engines.Postgres(t, "wal_writer_delay=10s", "wal_writer_flush_after=1GB")
	sql(t, server, "ALTER ROLE dss SET synchronous_commit = off")
	s, err := Open(t.Context(), server.URL, store.Limits{}, quietly())
	if err != nil {
		t.Fatal(err)
	}
	start(t, s)
	for round := range 3 {
		histories := make([]history, 16)
		var group sync.WaitGroup
		for worker := range histories {
			group.Go(func() { histories[worker].work(t, s, 100*round+worker) })
		}
		<-time.After(time.Duration(500+rand.IntN(1000)) * time.Millisecond) // any moment will do
		server.Kill()
		group.Wait()
		restart(t, server)
		recovers(t, s)
		kept, gone := 0, 0
		for _, h := range histories {
			for _, n := range h.created {
				if got := get(t, s, n); got != fmt.Sprint(n) {
					t.Errorf("acknowledged entry %d is %q", n, got)
				}
			}
			for _, n := range h.taken {
				if got := get(t, s, n); got != "absent" {
					t.Errorf("taken entry %d came back", n)
				}
			}
			kept, gone = kept+len(h.created), gone+len(h.taken)
		}
		if kept == 0 || gone == 0 {
			t.Errorf("round %d tried nothing: %d kept, %d taken", round, kept, gone)
		}
		t.Logf("round %d: %d kept, %d taken", round, kept, gone)
	}
}

// TestDurability asks the server, statement by statement, whether the log was
// on disk when it answered.
func TestDurability(t *testing.T) {
	server := engines.Postgres(t, "wal_writer_delay=10s", "wal_writer_flush_after=1GB", "autovacuum=off",
		"wal_level=minimal", "max_wal_senders=0")
	for _, setting := range []string{"off", "local", "on", "remote_apply"} {
		sql(t, server, "ALTER ROLE dss SET synchronous_commit = "+setting)
		s := open(t, server.URL)
		flushed := func(what string) {
			t.Helper()
			if got := sql(t, server, "SELECT pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn()"); got != "t" {
				t.Errorf("%s with %s: acknowledged before it was on disk", what, setting)
			}
		}
		create(t, s, 1, "value")
		flushed("Create")
		if ok, err := s.Replace(t.Context(), id(1), []byte("value"), []byte("other"), time.Minute); !ok || err != nil {
			t.Fatalf("Replace = %v, %v", ok, err)
		}
		flushed("Replace")
		take(t, s, 1)
		flushed("Take")
		if got := sql(t, server, "SHOW synchronous_commit"); !strings.HasPrefix(got, setting) {
			t.Errorf("the role's setting is %q", got)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
