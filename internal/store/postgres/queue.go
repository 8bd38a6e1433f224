package postgres

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

const (
	// lanes is how many statements of one kind may be under way. With fewer, more
	// requests share a statement (BenchmarkPairs); with one, a statement that waits
	// for a lock would hold up all others.
	lanes = 2
	// maxBatch is how many requests share a statement at most.
	maxBatch = 128
)

var errBusy = errors.New("the database did not keep up: nothing was changed")

// request is one caller's operation on one entry.
type request struct {
	id         sealed.ID
	old, value []byte
	expires    int64
	done       chan struct{}
	found      bool // this and the rest are valid after done is closed
	out        []byte
	err        error
}

// queue collects the requests of one kind. While all lanes are taken they
// wait, and then share a statement: one round trip and one commit for many.
//
// The goroutine of a lane ends when no request waits.
type queue struct {
	run     func(batch []*request) error
	single  bool // a batch has one request for an id at most
	working *sync.WaitGroup

	mu      sync.Mutex
	waiting []*request
	running int
}

// do runs r and waits for the outcome. ctx counts until r's turn comes: then
// something may have happened, and the caller must know what.
func (q *queue) do(ctx context.Context, r *request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.done = make(chan struct{})
	q.add(r)
	late := time.NewTimer(queueTime) // a context costs more
	defer late.Stop()
	reason := errBusy
	select {
	case <-r.done:
		return r.err
	case <-late.C:
	case <-ctx.Done():
		reason = context.Cause(ctx)
	}
	if q.withdraw(r) {
		return reason
	}
	<-r.done
	return r.err
}

func (q *queue) add(r *request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, r)
	if q.running < lanes {
		q.running++
		q.working.Go(q.work)
	}
}

// withdraw reports whether r was still waiting, and now is not.
func (q *queue) withdraw(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := slices.Index(q.waiting, r)
	if at < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, at, at+1)
	return true
}

// work runs batches until nothing waits.
func (q *queue) work() {
	for {
		batch := q.next()
		if len(batch) == 0 {
			return
		}
		err := q.run(batch)
		for _, r := range batch {
			r.err = err
			close(r.done)
		}
	}
}

// next returns what waits, in the order of the ids: statements that lock rows
// in one order cannot lock each other out. It gives up the lane when there is
// nothing.
func (q *queue) next() []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.batchSize()
	if n == 0 {
		q.running--
		return nil
	}
	batch := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	slices.SortStableFunc(batch, func(a, b *request) int { return slices.Compare(a.id[:], b.id[:]) })
	return batch
}

func (q *queue) batchSize() int {
	n := min(len(q.waiting), maxBatch)
	if !q.single {
		return n
	}
	seen := make(map[sealed.ID]bool, n)
	for i, r := range q.waiting[:n] {
		if seen[r.id] {
			return i
		}
		seen[r.id] = true
	}
	return n
}

// sweepUnit is the precision of the indexed column sweep in milliseconds: it
// is coarse, so that a change of the expiry seldom changes it.
const sweepUnit = 15_000

// The statements act on the rows of many ids at once. Each is a transaction of its
// own, takes its row locks in the order of the ids, and returns id and value
// of the rows it acted on. Liveness is judged by the clock of the server that
// asks, never by the database's.
//
// What they change is on disk before they are acknowledged, whatever the role
// or the database has synchronous_commit set to: it is set in the transaction
// itself, because behind a pooler the session is not ours. remote_apply is
// kept, being stronger.
const (
	createStatement = `INSERT INTO {entries} AS e (id, value, expires, sweep)
		SELECT * FROM unnest(@ids::bytea[], @values::bytea[], @expires::bigint[], @sweeps::integer[])
		ON CONFLICT (id) DO UPDATE SET value = excluded.value, expires = excluded.expires, sweep = excluded.sweep
			WHERE e.expires <= @now::bigint
		RETURNING e.id, NULL::bytea, {durably}`

	getStatement = `SELECT id, value, NULL::text FROM {entries}
		WHERE id = ANY(@ids::bytea[]) AND expires > @now::bigint`

	takeStatement = `WITH wanted AS MATERIALIZED (
			SELECT id FROM {entries} WHERE id = ANY(@ids::bytea[]) AND expires > @now::bigint ORDER BY id FOR UPDATE)
		DELETE FROM {entries} AS e USING wanted AS w WHERE e.id = w.id
		RETURNING e.id, e.value, {durably}`

	replaceStatement = `WITH wanted AS MATERIALIZED (
			SELECT id FROM {entries} WHERE id = ANY(@ids::bytea[]) AND expires > @now::bigint ORDER BY id FOR UPDATE)
		UPDATE {entries} AS e SET value = n.value, expires = n.expires, sweep = GREATEST(e.sweep, n.sweep)
		FROM wanted AS w
			JOIN unnest(@ids::bytea[], @olds::bytea[], @values::bytea[], @expires::bigint[], @sweeps::integer[])
			AS n (id, old, value, expires, sweep) ON n.id = w.id
		WHERE e.id = w.id AND e.value = n.old
		RETURNING e.id, NULL::bytea, {durably}`
)

// durably is evaluated once in a statement, and only if it changes a row.
const durably = `(SELECT set_config('synchronous_commit',
	CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true))`

// newQueue returns a queue of requests that share a statement.
func (s *Store) newQueue(statement string) *queue {
	sql := s.table.sql(statement)
	return &queue{working: &s.working, single: statement == replaceStatement, run: func(batch []*request) error {
		found, err := s.act(sql, arguments(batch, s.now()))
		if err == nil {
			deliver(batch, found, statement == getStatement)
		}
		return err
	}}
}

// arguments are the columns of a batch's requests, with one row for each id.
func arguments(batch []*request, now time.Time) pgx.NamedArgs {
	var ids, olds, values [][]byte
	var expires []int64
	var sweeps []int32
	for i, r := range batch {
		if i > 0 && batch[i-1].id == r.id {
			continue
		}
		ids = append(ids, r.id[:])
		olds = append(olds, r.old)
		values = append(values, r.value)
		expires = append(expires, r.expires)
		sweeps = append(sweeps, int32(r.expires/sweepUnit))
	}
	return pgx.NamedArgs{
		"ids": ids, "olds": olds, "values": values, "expires": expires, "sweeps": sweeps, "now": now.UnixMilli(),
	}
}

// deliver gives what a batch found to the first request for each id or, where
// nothing is consumed, to all of them.
func deliver(batch []*request, found map[sealed.ID][]byte, all bool) {
	for _, r := range batch {
		if r.out, r.found = found[r.id]; all {
			r.out = bytes.Clone(r.out)
		} else {
			delete(found, r.id)
		}
	}
}

// act runs a statement and returns the rows it acted on, after the commit has
// succeeded. It tries again if, and only if, nothing of it was sent.
func (s *Store) act(sql string, arguments pgx.NamedArgs) (map[sealed.ID][]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), batchTime)
	defer cancel()
	found, err := s.query(ctx, sql, arguments)
	if err != nil && pgconn.SafeToRetry(err) && ctx.Err() == nil {
		found, err = s.query(ctx, sql, arguments)
	}
	if err != nil {
		s.suspect(err)
		return nil, clearer(err)
	}
	return found, nil
}

func (s *Store) query(ctx context.Context, sql string, arguments pgx.NamedArgs) (map[sealed.ID][]byte, error) {
	rows, err := s.pool.Query(ctx, sql, arguments)
	if err != nil {
		return nil, err
	}
	found := map[sealed.ID][]byte{}
	var id, value []byte
	var setting *string
	// ForEachRow's error is the one of the commit too: it reads to the
	// server's ReadyForQuery.
	_, err = pgx.ForEachRow(rows, []any{&id, &value, &setting}, func() error {
		found[sealed.ID(id)] = value
		value = nil
		return nil
	})
	return found, err
}
