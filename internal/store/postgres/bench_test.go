//go:build integration

package postgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/test/engines"
)

// callers is how many deposit and claim at one time in the benchmarks.
const callers = 64

// BenchmarkPairs measures deposits and claims by 64 callers on a server that
// writes to its disk: those of the store, and, for comparison, the plain
// statements on a table with nothing but a key and a value, each by itself.
func BenchmarkPairs(b *testing.B) {
	server := engines.Postgres(b)
	s, err := Open(b.Context(), server.URL, store.Limits{}, quietly())
	if err != nil {
		b.Fatal(err)
	}
	start(b, s)
	value := make([]byte, 300)
	rand.Read(value)
	b.Run("store", func(b *testing.B) {
		pairs(b, func(ctx context.Context, id sealed.ID) error { return storePair(ctx, s, id, value) })
	})
	sql(b, server, "CREATE TABLE plain (id bytea PRIMARY KEY, value bytea NOT NULL)")
	for _, conns := range []int{8, 16, 32} {
		b.Run(fmt.Sprintf("plain/conns=%d", conns), func(b *testing.B) {
			pool, err := pgxpool.New(b.Context(), fmt.Sprintf("%s&pool_max_conns=%d", server.URL, conns))
			if err != nil {
				b.Fatal(err)
			}
			defer pool.Close()
			pairs(b, func(ctx context.Context, id sealed.ID) error { return plainPair(ctx, pool, id, value) })
		})
	}
}

func storePair(ctx context.Context, s *Store, id sealed.ID, value []byte) error {
	if ok, err := s.Create(ctx, id, value, time.Minute); !ok || err != nil {
		return fmt.Errorf("Create = %v, %w", ok, err)
	}
	if _, ok, err := s.Take(ctx, id); !ok || err != nil {
		return fmt.Errorf("Take = %v, %w", ok, err)
	}
	return nil
}

func plainPair(ctx context.Context, pool *pgxpool.Pool, id sealed.ID, value []byte) error {
	if _, err := pool.Exec(ctx, "INSERT INTO plain VALUES ($1, $2)", id[:], value); err != nil {
		return err
	}
	var out []byte
	return pool.QueryRow(ctx, "DELETE FROM plain WHERE id = $1 RETURNING value", id[:]).Scan(&out)
}

// pairs has the callers share b.N pairs.
func pairs(b *testing.B, pair func(context.Context, sealed.ID) error) {
	b.Helper()
	next := make(chan struct{})
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for range next {
				var id sealed.ID
				rand.Read(id[:])
				if err := pair(b.Context(), id); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for b.Loop() {
		next <- struct{}{}
	}
	close(next)
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pairs/s")
}

// BenchmarkSize measures what an entry with a value of 300 bytes takes on
// disk: of 100,000 of them, and after ten times as many have come and gone
// while autovacuum did its work. Run it with -benchtime 1x.
func BenchmarkSize(b *testing.B) {
	const held, part = 100_000, 10_000
	for b.Loop() {
		server := engines.Postgres(b, "fsync=off", "autovacuum_naptime=5s")
		s, err := Open(b.Context(), server.URL, store.Limits{}, quietly())
		if err != nil {
			b.Fatal(err)
		}
		fillTable(b, s, 0, held, time.Hour)
		b.ReportMetric(float64(size(b, s)/held), "B/entry")
		began := time.Now()
		for from := 0; from < 10*held; from += part {
			takeAll(b, s, from, part)
			fillTable(b, s, from+held, part, time.Hour)
		}
		b.ReportMetric(10*held/time.Since(began).Seconds(), "churn/s")
		b.ReportMetric(float64(size(b, s)/held), "B/entry-churned")
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkCount measures what counting costs.
func BenchmarkCount(b *testing.B) {
	for _, held := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(held), func(b *testing.B) {
			s, err := Open(b.Context(), engines.Postgres(b, "fsync=off").URL, store.Limits{}, quietly())
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			fillTable(b, s, 0, held, time.Hour)
			for b.Loop() {
				if _, err := s.count(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
