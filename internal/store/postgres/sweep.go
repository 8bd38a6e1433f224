package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/desktop-stack-serv/dss/internal/store"
)

const (
	// sweepEvery is how often expired entries are removed.
	sweepEvery = 5 * time.Second
	// sweepBatch is how many are removed in one transaction.
	sweepBatch = 500
	// sweepSlack is how long both clocks, the server's and the database's,
	// must agree that an entry has expired before it is removed.
	sweepSlack = time.Minute
)

// sweepStatement removes expired entries unless another server is doing so. What
// it removed comes back after a crash and is removed again, so it need not wait
// for the disk. It leaves locked rows, and those that changed just before, for the
// next time.
const sweepStatement = `WITH turn AS MATERIALIZED (
		SELECT LEAST($2::bigint, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) - $3::bigint AS past,
			set_config('synchronous_commit', 'off', true) AS mode
		WHERE pg_try_advisory_xact_lock($1::bigint)),
	expired AS MATERIALIZED (
		SELECT ctid FROM {entries}
		WHERE sweep <= (SELECT past / $4::bigint FROM turn) AND expires <= (SELECT past FROM turn)
		ORDER BY sweep LIMIT $5::bigint FOR UPDATE SKIP LOCKED)
	DELETE FROM {entries} WHERE ctid = ANY(ARRAY(SELECT ctid FROM expired))`

// sweep removes expired entries until ctx ends. It logs when it begins to fail.
func (s *Store) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			err := s.sweepAll(ctx)
			if err != nil && !failing && ctx.Err() == nil {
				s.log.Warn("store: expired entries are not removed", "err", clearer(err))
			}
			failing = err != nil
		}
	}
}

// sweepAll removes batches, and pauses as long after each as it took, so that
// requests get their turn. What fails is tried again later.
func (s *Store) sweepAll(ctx context.Context) error {
	for {
		began := time.Now()
		removed, err := s.sweepOnce(ctx)
		if err != nil || removed < sweepBatch {
			return err
		}
		store.Pause(ctx, 2*time.Since(began))
	}
}

func (s *Store) sweepOnce(ctx context.Context) (removed int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, batchTime)
	defer cancel()
	tag, err := s.pool.Exec(ctx, s.table.sql(sweepStatement),
		s.table.key+1, s.now().UnixMilli(), sweepSlack.Milliseconds(), int64(sweepUnit), int64(sweepBatch))
	return tag.RowsAffected(), err
}

// count counts the live entries. It reads the whole table, which may take
// longer than a request may.
func (s *Store) count(ctx context.Context) (t store.Totals, err error) {
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT set_config('statement_timeout', '30s', true)"); err != nil {
			return err
		}
		statement := "SELECT count(*), coalesce(sum(octet_length(value)), 0)::bigint " +
			"FROM {entries} WHERE expires > $1::bigint"
		return tx.QueryRow(ctx, s.table.sql(statement), s.now().UnixMilli()).Scan(&t.Entries, &t.Bytes)
	})
	return t, clearer(err)
}
