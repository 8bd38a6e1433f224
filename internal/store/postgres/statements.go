package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// sweepUnit is the precision of the indexed column sweep in milliseconds: it
// is coarse, so that a change of the expiry seldom changes it.
const sweepUnit = 15_000

// statements act on the rows of many ids at once. Each is a transaction of its
// own, takes its row locks in the order of the ids, and returns id and value
// of the rows it acted on. Liveness is judged by the clock of the server that
// asks, never by the database's.
//
// What they change is on disk before they are acknowledged, whatever the role
// or the database has synchronous_commit set to: it is set in the transaction
// itself, because behind a pooler the session is not ours. remote_apply is
// kept, being stronger.
var statements = struct{ create, get, take, replace string }{
	create: `INSERT INTO {entries} AS e (id, value, expires, sweep)
		SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::integer[])
		ON CONFLICT (id) DO UPDATE SET value = excluded.value, expires = excluded.expires, sweep = excluded.sweep
			WHERE e.expires <= $5::bigint
		RETURNING e.id, NULL::bytea, {durably}`,

	get: `SELECT id, value, NULL::text FROM {entries} WHERE id = ANY($1::bytea[]) AND expires > $2::bigint`,

	take: `WITH wanted AS MATERIALIZED (
			SELECT id FROM {entries} WHERE id = ANY($1::bytea[]) AND expires > $2::bigint ORDER BY id FOR UPDATE)
		DELETE FROM {entries} AS e USING wanted AS w WHERE e.id = w.id
		RETURNING e.id, e.value, {durably}`,

	replace: `WITH wanted AS MATERIALIZED (
			SELECT id FROM {entries} WHERE id = ANY($1::bytea[]) AND expires > $6::bigint ORDER BY id FOR UPDATE)
		UPDATE {entries} AS e SET value = n.value, expires = n.expires, sweep = GREATEST(e.sweep, n.sweep)
		FROM wanted AS w JOIN unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bigint[], $5::integer[])
			AS n (id, old, value, expires, sweep) ON n.id = w.id
		WHERE e.id = w.id AND e.value = n.old
		RETURNING e.id, NULL::bytea, {durably}`,
}

// durably is evaluated once in a statement, and only if it changes a row.
const durably = `(SELECT set_config('synchronous_commit',
	CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true))`

// queues makes the queues of the four operations.
func (s *Store) queues() {
	operation := func(statement string, arguments func(*columns, int64) []any) func([]*request) error {
		sql := s.table.sql(statement)
		return func(batch []*request) error {
			c := newColumns(batch)
			found, err := s.act(sql, arguments(c, s.now().UnixMilli()))
			if err != nil {
				return err
			}
			hand(batch, found, statement == statements.get)
			return nil
		}
	}
	s.creates = &queue{working: &s.working, run: operation(statements.create, func(c *columns, now int64) []any {
		return []any{c.ids, c.values, c.expires, c.sweeps, now}
	})}
	s.gets = &queue{working: &s.working, run: operation(statements.get, func(c *columns, now int64) []any {
		return []any{c.ids, now}
	})}
	s.takes = &queue{working: &s.working, run: operation(statements.take, func(c *columns, now int64) []any {
		return []any{c.ids, now}
	})}
	s.replaces = &queue{working: &s.working, single: true, run: operation(statements.replace, func(c *columns, now int64) []any {
		return []any{c.ids, c.olds, c.values, c.expires, c.sweeps, now}
	})}
}

// columns are the requests of a batch, one for each id, turned by 90 degrees.
type columns struct {
	ids, olds, values [][]byte
	expires           []int64
	sweeps            []int32
}

func newColumns(batch []*request) *columns {
	c := &columns{}
	for i, r := range batch {
		if i > 0 && batch[i-1].id == r.id {
			continue
		}
		c.ids = append(c.ids, r.id[:])
		c.olds = append(c.olds, r.old)
		c.values = append(c.values, r.value)
		c.expires = append(c.expires, r.expires)
		c.sweeps = append(c.sweeps, int32(r.expires/sweepUnit))
	}
	return c
}

// act runs a statement and returns the rows it acted on, after the commit has
// succeeded. It tries again if, and only if, nothing of it was sent.
func (s *Store) act(sql string, arguments []any) (map[sealed.ID][]byte, error) {
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

func (s *Store) query(ctx context.Context, sql string, arguments []any) (map[sealed.ID][]byte, error) {
	rows, err := s.pool.Query(ctx, sql, arguments...)
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
