package sqlite

import (
	"database/sql/driver"
	"errors"
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

// load brings the schema up to date, drops what has expired, reads the rest into
// the index and gets ready to write. It always commits something: what a process that was
// killed has left in the log is then on disk before anyone hears of it.
func (s *Store) load() error {
	if err := s.db.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := migrate(s.db); err != nil {
		return err
	}
	if err := s.db.exec("DELETE FROM entries WHERE expires <= ? OR length(id) <> ?",
		time.Now().UnixMilli(), int64(sealed.IDSize)); err != nil {
		return fmt.Errorf("drop expired entries: %w", err)
	}
	if err := s.db.query("SELECT seq, id, value, expires FROM entries ORDER BY seq", s.read); err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	if err := s.db.exec("COMMIT"); err != nil {
		return err
	}
	if err := s.db.exec("PRAGMA synchronous(FULL)"); err != nil {
		return err
	}
	return s.db.prepare()
}

func checkVersion(name string, version int) error {
	if version > len(schema) {
		return fmt.Errorf("%s has schema version %d; this program knows up to %d: use the newer program",
			name, version, len(schema))
	}
	return nil
}

func migrate(db *database) error {
	var version int
	if err := db.query("PRAGMA user_version", func(values []driver.Value) error {
		found, _ := values[0].(int64)
		version = int(found)
		return nil
	}); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if err := checkVersion("the database", version); err != nil {
		return err
	}
	for ; version < len(schema); version++ {
		if err := db.exec(schema[version]); err != nil {
			return fmt.Errorf("upgrade schema to version %d: %w", version+1, err)
		}
	}
	if err := db.exec(fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		return fmt.Errorf("write schema version: %w", err)
	}
	return nil
}

// read adds a row to the index.
func (s *Store) read(values []driver.Value) error {
	seq, seqOK := values[0].(int64)
	id, idOK := values[1].([]byte)
	value, valueOK := values[2].([]byte)
	expires, expiresOK := values[3].(int64)
	if !seqOK || !idOK || !valueOK || !expiresOK {
		return errors.New("a row with values of other types")
	}
	s.lastRow = seq
	e := &store.Entry{ID: sealed.ID(id), Value: value, Expires: time.UnixMilli(expires), Row: seq}
	if s.index.Find(e.ID) == nil {
		s.index.Add(e)
	}
	return nil
}
