package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
)

// schema holds the statements from each version of the schema to the next. The
// version is the file's user_version. There is no index on id: lookups are
// answered from memory.
var schema = []string{
	`CREATE TABLE entries (
		seq     INTEGER PRIMARY KEY,
		id      BLOB NOT NULL,
		value   BLOB NOT NULL,
		expires INTEGER NOT NULL -- Unix milliseconds
	) STRICT`,
}

// load brings the schema up to date, drops what has expired and reads the
// rest into the index.
func (s *Store) load(ctx context.Context) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := migrate(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM entries WHERE expires <= ? OR length(id) <> ?",
		time.Now().UnixMilli(), sealed.IDSize); err != nil {
		return fmt.Errorf("drop expired entries: %w", err)
	}
	if err := s.read(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

func checkVersion(name string, version int) error {
	if version > len(schema) {
		return fmt.Errorf("%s has schema version %d; this program knows up to %d: use the newer program",
			name, version, len(schema))
	}
	return nil
}

func migrate(ctx context.Context, tx *sql.Tx) error {
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if err := checkVersion("the database", version); err != nil {
		return err
	}
	for ; version < len(schema); version++ {
		if _, err := tx.ExecContext(ctx, schema[version]); err != nil {
			return fmt.Errorf("upgrade schema to version %d: %w", version+1, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		return fmt.Errorf("write schema version: %w", err)
	}
	return nil
}

func (s *Store) read(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, "SELECT seq, id, value, expires FROM entries ORDER BY seq")
	if err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id []byte
		var expires int64
		e := &store.Entry{}
		if err := rows.Scan(&e.Row, &id, &e.Value, &expires); err != nil {
			return fmt.Errorf("read entry: %w", err)
		}
		copy(e.ID[:], id)
		e.Expires = time.UnixMilli(expires)
		s.lastRow = e.Row
		if s.index.Find(e.ID) == nil {
			s.index.Add(e)
		}
	}
	return rows.Err()
}
