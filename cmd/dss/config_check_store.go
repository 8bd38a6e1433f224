package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/store/postgres"
	"github.com/desktop-stack-serv/dss/internal/store/sqlite"
)

// lookAtStore opens no store: one that is open cannot be opened by a server.
func (c *config) lookAtStore() (string, error) {
	kind, err := c.storeKind()
	if err != nil {
		return "", err
	}
	if text, err := kind.look(c.store); err != nil || text != "" {
		return text, err
	}
	return c.storeName() + "; it was not asked: dss store check does that", nil
}

func lookAtMemory(url string) (string, error) {
	if url != "memory:" {
		return "", usagef("--store memory: takes nothing after the colon")
	}
	return "memory: a restart loses what waits for its app", nil
}

func lookAtRedis(url string) (string, error) {
	_, err := parseRedis(url)
	return "", err
}

func lookAtPostgres(url string) (string, error) {
	if err := postgres.CheckURL(url); err != nil {
		return "", usagef("--store: %v", err)
	}
	return "", nil
}

func lookAtSQLite(url string) (string, error) {
	path, err := sqlitePath(url)
	if err != nil {
		return "", err
	}
	return lookAtDatabase(path)
}

func lookAtDatabase(path string) (string, error) {
	_, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && isLink(path):
		return "", usagef("--store: %s is a link that leads nowhere", path)
	case errors.Is(err, fs.ErrNotExist):
		return "sqlite: " + path + " would be created", lookAtFolder("--store", filepath.Dir(path))
	case err != nil:
		return "", usagef("--store: %s: %s", path, plainReason(err))
	}
	for _, name := range []string{path, path + "-wal"} {
		if reason := lookAtFile(name); reason != "" && (name == path || !missing(name)) {
			return "", usagef("--store: %s: %s", name, reason)
		}
	}
	if err := lookAtFolder("--store", filepath.Dir(path)); err != nil {
		return "", err // SQLite writes its log next to the database
	}
	return describeDatabase(path)
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// isLink reports whether there is a symbolic link, wherever it leads. A start
// creates nothing through one that leads nowhere.
func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// lookAtFolder finds out whether a file can be created in a folder, which may
// have to be created, too.
func lookAtFolder(flagName, folder string) error {
	info, err := os.Stat(folder)
	parent := filepath.Dir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist) && isLink(folder):
		return usagef("%s: %s is a link that leads nowhere", flagName, folder)
	case errors.Is(err, fs.ErrNotExist) && parent != folder:
		return lookAtFolder(flagName, parent)
	case err != nil:
		return usagef("%s: folder %s: %s", flagName, folder, plainReason(err))
	case !info.IsDir():
		return usagef("%s: %s is not a folder", flagName, folder)
	}
	if err := writable(folder); err != nil {
		return usagef("%s: folder %s cannot be written: %s", flagName, folder, plainReason(err))
	}
	return nil
}

// describeDatabase reads the first page, without a lock (SQLite's file format,
// section 1.3). What a log next to the file holds is not in it yet.
func describeDatabase(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", usagef("--store: %s: %s", path, plainReason(err))
	}
	defer file.Close()
	header := make([]byte, 100)
	_, err = io.ReadFull(file, header)
	version := int(binary.BigEndian.Uint32(header[60:]))
	switch {
	case errors.Is(err, io.EOF):
		return "sqlite: " + path + ", which is empty", nil
	case err != nil || !strings.HasPrefix(string(header), "SQLite format 3\x00"):
		return "", usagef("--store: %s is no SQLite database", path)
	case version > sqlite.SchemaVersion():
		return "", usagef("--store: %s has schema version %d; this program knows up to %d: use the newer program", path, version, sqlite.SchemaVersion())
	}
	text := fmt.Sprintf("sqlite: %s, schema version %d", path, version)
	if version < sqlite.SchemaVersion() {
		text = fmt.Sprintf("sqlite: %s, which becomes schema version %d", path, sqlite.SchemaVersion())
	}
	if pid := lockHolder(file); pid != 0 {
		text += fmt.Sprintf("; process %d has it open, and has to end before this server starts", pid)
	}
	return text, nil
}
