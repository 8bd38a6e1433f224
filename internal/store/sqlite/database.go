package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"

	"modernc.org/sqlite"
)

// pragmas returns what is set, in this order. An exclusive lock keeps a second process
// out. It needs no file of shared memory if it is set before anything is read in WAL
// mode, which makes that file. secure_delete leaves nothing of a removed entry in the
// database.
//
// A new file takes less care: there is nothing to go back to, so its first page needs no
// journal, and the first commit of an entry also writes the schema to disk. That saves
// four of seven fsyncs, 1.5 ms of a start. [Store.load] ends it.
func pragmas(created bool) []string {
	journal := []string{"journal_mode(WAL)", "synchronous(FULL)"}
	if created {
		journal = []string{"journal_mode(MEMORY)", "journal_mode(WAL)", "synchronous(NORMAL)"}
	}
	return slices.Concat([]string{"locking_mode(EXCLUSIVE)", "busy_timeout(0)"}, journal,
		[]string{"wal_autocheckpoint(4000)", "journal_size_limit(33554432)", "secure_delete(ON)"})
}

// statement is a compiled statement of the driver.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// database is the one connection to the file: SQLite has one writer, and so has
// the [Store]. It is the driver's own, without package database/sql, so that it can
// keep the statements of a commit compiled. BenchmarkPair shows what that saves, a
// fifth of a change's processor time. One caller may use it at a time.
type database struct {
	conn driver.Conn

	begin, commit, rollback, put, remove statement

	arguments []driver.NamedValue // of the statement that runs; kept as a buffer
}

// openDatabase opens the file, which may have just been created, and sets the pragmas.
func openDatabase(ctx context.Context, path string, created bool) (*database, error) {
	name := (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	connector, err := sqlite.NewConnector("file:" + name)
	if err != nil {
		return nil, err
	}
	conn, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	d := &database{conn: conn}
	for _, pragma := range pragmas(created) {
		if err := d.exec("PRAGMA " + pragma); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return d, nil
}

// close closes the file. A transaction under way is undone.
func (d *database) close() (err error) {
	for _, compiled := range []statement{d.begin, d.commit, d.rollback, d.put, d.remove} {
		if compiled != nil {
			err = errors.Join(err, compiled.Close())
		}
	}
	return errors.Join(err, d.conn.Close())
}

// prepare compiles the statements of a commit, once the schema is up to date.
func (d *database) prepare() (err error) {
	for query, to := range map[string]*statement{
		"BEGIN IMMEDIATE": &d.begin,
		"COMMIT":          &d.commit,
		"ROLLBACK":        &d.rollback,
		"REPLACE INTO entries (seq, id, value, expires) VALUES (?, ?, ?, ?)": &d.put,
		"DELETE FROM entries WHERE seq = ?":                                  &d.remove,
	} {
		if *to, err = d.compile(query); err != nil {
			return err
		}
	}
	return nil
}

func (d *database) compile(query string) (statement, error) {
	compiled, err := d.conn.Prepare(query)
	if err != nil {
		return nil, err
	}
	return compiled.(statement), nil
}

// write makes the changes of a batch in one transaction.
func (d *database) write(b *batch) error {
	err := d.transact(b)
	if err != nil {
		_ = d.run(d.rollback) // fails if SQLite has rolled back itself
	}
	return err
}

func (d *database) transact(b *batch) error {
	if err := d.run(d.begin); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	for _, c := range b.changes {
		if err := d.change(c); err != nil {
			return fmt.Errorf("change entry: %w", err)
		}
	}
	for _, row := range b.expired {
		if err := d.run(d.remove, row); err != nil {
			return fmt.Errorf("remove expired entry: %w", err)
		}
	}
	if err := d.run(d.commit); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (d *database) change(c change) error {
	if !c.puts {
		return d.run(d.remove, c.entry.Row)
	}
	return d.run(d.put, c.entry.Row, c.entry.ID[:], c.value, c.expires.UnixMilli())
}

// run runs a statement to its end.
func (d *database) run(compiled statement, values ...driver.Value) error {
	d.arguments = d.arguments[:0]
	for i, value := range values {
		d.arguments = append(d.arguments, driver.NamedValue{Ordinal: i + 1, Value: value})
	}
	_, err := compiled.ExecContext(context.Background(), d.arguments)
	return err
}

// exec runs a statement that is needed once.
func (d *database) exec(query string, values ...driver.Value) error {
	compiled, err := d.compile(query)
	if err != nil {
		return err
	}
	return errors.Join(d.run(compiled, values...), compiled.Close())
}

// query calls each with the values of every row that a query finds.
func (d *database) query(query string, each func(values []driver.Value) error) error {
	compiled, err := d.compile(query)
	if err != nil {
		return err
	}
	defer compiled.Close()
	rows, err := compiled.QueryContext(context.Background(), nil)
	if err != nil {
		return err
	}
	defer rows.Close()
	values := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(values); err {
		case nil:
			if err := each(values); err != nil {
				return err
			}
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}
