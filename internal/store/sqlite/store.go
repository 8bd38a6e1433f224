// Package sqlite keeps entries in one SQLite file, for a server on one
// machine whose users must not notice a restart.
//
// The live entries are held in memory, and the file is their journal: a change is
// acknowledged when it is on disk, and a lookup does not read the disk. One writer,
// [Store.Run], commits the changes of many requests in one transaction, so that
// they share one fsync.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
)

var (
	// ErrInUse is returned by [Open] when another process has the file.
	ErrInUse = errors.New("the database is in use by another process")
	// ErrClosed is returned by every operation after [Store.Run] has ended.
	ErrClosed = errors.New("the store is closed")
)

// Store implements [sealed.Store]. Operations that change something need
// [Store.Run] and return when the change is on disk, even if their context ends
// meanwhile.
type Store struct {
	*state
	limits store.Limits // of Create
}

type state struct {
	db       *database
	watchers store.Watchers
	kick     chan struct{} // receives when pending has changes

	mu      sync.Mutex
	index   *store.Index
	lastRow int64
	pending *batch
	spare   []change // a finished batch's, for the next
	closed  bool

	repair *batch // the writer's: undoes a commit that failed half-way
}

// Open opens the database at a URL, "sqlite:" and a path, and reads the live
// entries. It creates the file with mode 0600, and its folder with mode 0700,
// if they are missing.
func Open(ctx context.Context, url string, limits store.Limits, _ *slog.Logger) (*Store, error) {
	path, err := parsePath(url)
	if err != nil {
		return nil, err
	}
	created, err := prepareFile(path)
	if err != nil {
		return nil, err
	}
	db, err := openDatabase(ctx, path, created)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, clearer(err))
	}
	s := &Store{&state{
		db: db, kick: make(chan struct{}, 1), index: store.NewIndex(limits), pending: newBatch(),
	}, limits}
	s.index.Expired = func(e *store.Entry) { s.pending.expired = append(s.pending.expired, e.Row) }
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, clearer(errors.Join(err, db.close())))
	}
	return s, nil
}

// Reserve returns the same store with room for what was in it already
// ([store.Limits.WithReserve]).
func (s *Store) Reserve() sealed.Store { return &Store{s.state, s.limits.WithReserve()} }

// Usage returns the number of entries, with expired ones that are not removed yet,
// and their size as [store.Limits] counts it.
func (s *Store) Usage() (entries, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index.Usage()
}

// Close closes the file. Call it after [Store.Run] has returned.
func (s *Store) Close() error { return s.db.close() }

// prepareFile creates the file and its folder where they are missing. The file is
// created if nothing has been written to it.
func prepareFile(path string) (created bool, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return false, fmt.Errorf("create folder for the database: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, fmt.Errorf("create database: %w", err)
	}
	info, err := file.Stat()
	if err := errors.Join(err, file.Chmod(0o600), file.Close()); err != nil {
		return false, fmt.Errorf("protect database: %w", err)
	}
	return info.Size() == 0, nil
}

// clearer returns ErrInUse where SQLite says "locked".
func clearer(err error) error {
	if failed, ok := errors.AsType[*sqlite.Error](err); ok && failed.Code()&0xff == sqlite3.SQLITE_BUSY {
		return ErrInUse
	}
	return err
}
