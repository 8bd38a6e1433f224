//go:build integration

package postgres

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/desktop-stack-serv/dss/internal/store"
)

// number is what a query for one number returns.
func number(t testing.TB, s *Store, query string) (n int64) {
	t.Helper()
	if err := s.pool.QueryRow(t.Context(), s.table.sql(query)).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// TestReplaceIsHOT replaces entries the way that claims do, for a shorter
// life: no index is touched.
func TestReplaceIsHOT(t *testing.T) {
	url := schemaURL(t)
	s := open(t, url)
	const entries, rounds = 200, 3
	value := strings.Repeat("x", 300)
	for n := range entries {
		create(t, s, n, value+"0")
	}
	for round := range rounds {
		for n := range entries {
			if ok, err := s.Replace(t.Context(), id(n), fmt.Append(nil, value, round), fmt.Append(nil, value, round+1), time.Minute); !ok || err != nil {
				t.Fatalf("Replace = %v, %v", ok, err)
			}
		}
	}
	if err := s.Close(); err != nil { // sessions report when they end
		t.Fatal(err)
	}
	var updated, hot int
	eventually(t, "the server has counted the updates", func() bool {
		line := sql(t, shared, "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'dss_entries' AND schemaname = '"+s.table.schema+"'")
		if _, err := fmt.Sscanf(line, "%d|%d", &updated, &hot); err != nil {
			t.Fatal(err)
		}
		return updated == rounds*entries
	})
	if hot < updated*95/100 {
		t.Errorf("%d of %d updates were HOT", hot, updated)
	}
}

// TestSweep removes what both clocks say is over, and nothing else.
func TestSweep(t *testing.T) {
	s := open(t, schemaURL(t))
	defer s.Close()
	at := func(ago time.Duration) { s.SetClock(func() time.Time { return time.Now().Add(-ago) }) }
	at(time.Hour)
	for n := range 2*sweepBatch + 10 {
		create(t, s, n, "over") // for as long as an hour: until now
	}
	at(2 * time.Hour)
	for n := range 2*sweepBatch + 10 {
		if ok, err := s.Replace(t.Context(), id(n), []byte("over"), []byte("long over"), time.Minute); !ok || err != nil {
			t.Fatalf("Replace = %v, %v", ok, err)
		}
	}
	at(30 * time.Second)
	if ok, err := s.Create(t.Context(), id(10_000), []byte("just over"), time.Second); !ok || err != nil {
		t.Fatalf("Create = %v, %v", ok, err)
	}
	at(-10 * time.Hour) // a server whose clock is ahead
	if ok, err := s.Create(t.Context(), id(10_001), []byte("live by the other clock"), -9*time.Hour); !ok || err != nil {
		t.Fatalf("Create = %v, %v", ok, err)
	}

	conn, err := s.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT pg_advisory_lock($1::bigint)", s.table.key+1); err != nil {
		t.Fatal(err)
	}
	if removed, err := s.sweepOnce(t.Context()); removed != 0 || err != nil {
		t.Errorf("removed %d entries while another server was at it, %v", removed, err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT pg_advisory_unlock($1::bigint)", s.table.key+1); err != nil {
		t.Fatal(err)
	}
	conn.Release()

	// Replaced for a shorter life they keep their place in the sweep, so that
	// they are removed an hour and a minute after their creation.
	at(-2 * time.Minute)
	if removed, err := s.sweepOnce(t.Context()); removed != 0 || err != nil {
		t.Errorf("removed %d entries early, %v", removed, err)
	}
	if _, err := s.pool.Exec(t.Context(), s.table.sql("UPDATE {entries} SET sweep = sweep - 60 WHERE value = 'long over'")); err != nil {
		t.Fatal(err)
	}
	if err := s.sweepAll(t.Context()); err != nil {
		t.Error(err)
	}
	if got := number(t, s, "SELECT count(*) FROM {entries}"); got != 2 {
		t.Errorf("%d entries are left, want the 2 that one clock says are live", got)
	}
}

func TestRunSweeps(t *testing.T) {
	s := open(t, schemaURL(t))
	ago := func() time.Time { return time.Now().Add(-time.Hour) }
	s.SetClock(ago)
	if ok, err := s.Create(t.Context(), id(1), []byte("value"), time.Minute); !ok || err != nil {
		t.Fatalf("Create = %v, %v", ok, err)
	}
	s.SetClock(time.Now)
	start(t, s)
	eventually(t, "the entry is removed", func() bool { return number(t, s, "SELECT count(*) FROM {entries}") == 0 })
}

// TestPlans makes sure that no statement reads the whole table once it is
// large.
func TestPlans(t *testing.T) {
	s := open(t, schemaURL(t))
	defer s.Close()
	fillTable(t, s, 0, 20_000, time.Hour)
	if _, err := s.pool.Exec(t.Context(), s.table.sql("ANALYZE {entries}")); err != nil {
		t.Fatal(err)
	}
	batch := []*request{{id: id(1), old: []byte("x"), value: []byte("y")}, {id: id(2), old: []byte("x"), value: []byte("y")}}
	now := time.Now()
	columns := arguments(batch, now)
	for name, q := range map[string][]any{
		"get":     {getStatement, columns},
		"take":    {takeStatement, columns},
		"replace": {replaceStatement, columns},
		"sweep":   {sweepStatement, s.table.key, now.UnixMilli(), int64(0), int64(sweepUnit), int64(sweepBatch)},
	} {
		rows, err := s.pool.Query(t.Context(), "EXPLAIN "+s.table.sql(q[0].(string)), q[1:]...)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(plan, "\n"); strings.Contains(text, "Seq Scan on dss_entries") {
			t.Errorf("%s reads everything:\n%s", name, text)
		}
	}
}

// fillTable creates entries with a value of 300 bytes, many in a statement.
func fillTable(t testing.TB, s *Store, from, n int, ttl time.Duration) {
	t.Helper()
	const step = 1000
	for ; n > 0; n, from = n-step, from+step {
		var batch []*request
		for i := range min(n, step) {
			batch = append(batch, &request{id: id(from + i), value: make([]byte, 300), expires: time.Now().Add(ttl).UnixMilli()})
		}
		found, err := s.act(s.table.sql(createStatement), arguments(batch, time.Now()))
		if err != nil || len(found) != len(batch) {
			t.Fatalf("created %d of %d: %v", len(found), len(batch), err)
		}
	}
}

// takeAll takes entries, many in a statement.
func takeAll(t testing.TB, s *Store, from, n int) {
	t.Helper()
	const step = 1000
	for ; n > 0; n, from = n-step, from+step {
		var batch []*request
		for i := range min(n, step) {
			batch = append(batch, &request{id: id(from + i)})
		}
		found, err := s.act(s.table.sql(takeStatement), arguments(batch, time.Now()))
		if err != nil || len(found) != len(batch) {
			t.Fatalf("took %d of %d: %v", len(found), len(batch), err)
		}
	}
}

func size(t testing.TB, s *Store) int64 {
	t.Helper()
	return number(t, s, "SELECT pg_total_relation_size('{entries}')")
}

// TestNoBloat puts ten times as much through the table as it holds. What
// autovacuum does with the table's settings is done by hand.
func TestNoBloat(t *testing.T) {
	s, err := Open(t.Context(), schemaURL(t), store.Limits{}, quietly())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const held, part = 10_000, 2_000
	fillTable(t, s, 0, held, time.Hour)
	before := size(t, s)
	for from := 0; from < 10*held; from += part {
		takeAll(t, s, from, part)
		fillTable(t, s, from+held, part, time.Hour)
		if _, err := s.pool.Exec(t.Context(), s.table.sql("VACUUM {entries}")); err != nil {
			t.Fatal(err)
		}
	}
	after := size(t, s)
	t.Log(strconv.FormatInt(before/held, 10), "bytes for an entry at first,", strconv.FormatInt(after/held, 10), "at the end")
	if after > before*2 {
		t.Errorf("the table has grown from %d to %d bytes", before, after)
	}
}
