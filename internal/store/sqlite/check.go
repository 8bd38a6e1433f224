package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/access"
	"github.com/desktop-stack-serv/dss/internal/store"
)

// parsePath returns the path in a store's URL. It refuses what SQLite would
// not take for the path of a file.
func parsePath(url string) (string, error) {
	path := strings.TrimPrefix(url, "sqlite:")
	switch {
	case path == "" || strings.HasSuffix(path, "/"):
		return "", store.URLErrorf("sqlite: needs the path of a file, as in sqlite:data/dss.db")
	case strings.HasPrefix(path, "//"):
		return "", store.URLErrorf("sqlite: is followed by a path, as in sqlite:data/dss.db or " +
			"sqlite:/var/lib/dss/dss.db: leave out the slashes in front of it")
	case strings.HasPrefix(path, "file:"), path == ":memory:", strings.ContainsAny(path, "?#\x00"):
		return "", store.URLErrorf("sqlite: takes the path of a file and no parameters, as in sqlite:data/dss.db")
	}
	return path, nil
}

// file is what can be known of a database without opening it as one.
type file struct {
	path    string
	size    int64 // -1: there is no file yet
	version int   // of the schema
	log     bool  // there is a log, with changes that are not in the file yet
	holder  int   // the process that has it open; 0 if there is none or the system does not know
}

// fresh reports whether [Open] would create or upgrade the schema.
func (f *file) fresh() bool { return f.version < len(schema) && !f.log }

// inspect inspects the file that a URL names, and checks that it can be written,
// and so can its folder, where SQLite writes a log. An error is a
// [store.URLError].
func inspect(url string) (*file, error) {
	path, err := parsePath(url)
	if err != nil {
		return nil, err
	}
	f := &file{path: path}
	var logSize int64
	for _, step := range []func() error{
		func() (err error) { f.size, err = access.File(path); return err },
		func() (err error) { logSize, err = access.File(path + "-wal"); return err },
		func() error { return access.Folder(filepath.Dir(path)) },
		f.readHeader,
	} {
		if err := step(); err != nil {
			return nil, store.URLError{Reason: err}
		}
	}
	f.log = logSize > 0
	return f, nil
}

// SQLite's file format (https://sqlite.org/fileformat2.html): a file starts
// with magic in a header of 100 bytes, with user_version at offset 60 (section
// 1.3). Locks are on 512 bytes at 1 GiB.
const (
	headerSize    = 100
	versionOffset = 60
	magic         = "SQLite format 3\x00"
	lockStart     = 1 << 30
	lockSize      = 512
)

// readHeader reads the first page without a lock.
func (f *file) readHeader() error {
	if f.size < 0 {
		return nil
	}
	opened, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer opened.Close()
	header := make([]byte, headerSize)
	_, err = io.ReadFull(opened, header)
	f.version = int(binary.BigEndian.Uint32(header[versionOffset:]))
	f.holder = access.LockHolder(opened, lockStart, lockSize)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil || !strings.HasPrefix(string(header), magic):
		return fmt.Errorf("%s is not a SQLite database", f.path)
	}
	return checkVersion(f.path, f.version)
}

func (f *file) String() string {
	text := "sqlite: " + f.path
	switch {
	case f.size < 0:
		return text + " would be created"
	case f.log && f.version < len(schema):
		return text + ", with changes in its log"
	case f.size == 0:
		return text + ", which is empty"
	case f.fresh():
		return fmt.Sprintf("%s, which becomes schema version %d", text, len(schema))
	}
	return fmt.Sprintf("%s, schema version %d", text, f.version)
}

// Preview says what [Open] would do with the file that a URL names. It does
// not open the file as a database, which would lock out a server. An error is a
// [store.URLError].
func Preview(url string) (string, error) {
	f, err := inspect(url)
	if err != nil {
		return "", err
	}
	text := f.String()
	if f.holder != 0 {
		text += fmt.Sprintf("; process %d has it open, and has to end before this server starts", f.holder)
	}
	return text, nil
}

// Check examines the store at a URL. It neither creates nor upgrades a
// database, and it leaves one alone that a server has open. An error is a
// [store.URLError].
func Check(ctx context.Context, url string) ([]store.Finding, error) {
	f, err := inspect(url)
	switch {
	case err != nil:
		return nil, err
	case f.holder != 0:
		return f.inUse(fmt.Sprintf("process %d", f.holder)), nil
	case f.fresh():
		return store.Unopened(f.String()), nil
	}
	s, err := Open(ctx, url, store.Unlimited, slog.New(slog.DiscardHandler))
	if errors.Is(err, ErrInUse) {
		return f.inUse("another process"), nil
	} else if err != nil {
		return store.Failed(err)
	}
	return store.Examine(ctx, url, s, nil), nil
}

// inUse returns the findings on a database that another process has open.
func (f *file) inUse(holder string) []store.Finding {
	return []store.Finding{
		{Subject: "connection", Text: f.String()},
		{Subject: "servers", Text: holder + " has it open, and this store is for one server: nothing was stored " +
			"to try it. If that is the server, dss health says whether it can write"},
	}
}
