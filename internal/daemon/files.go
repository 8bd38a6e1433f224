package daemon

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/store/sqlite"
)

func checkDatabase(path string) (string, error) {
	_, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && isLink(path):
		return "", mistake("--store: %s is a link that leads nowhere", path)
	case errors.Is(err, fs.ErrNotExist):
		return "sqlite: " + path + " would be created", checkFolder("--store", filepath.Dir(path))
	case err != nil:
		return "", mistake("--store: %s: %s", path, plainReason(err))
	}
	for _, name := range []string{path, path + "-wal"} {
		if reason := checkFile(name); reason != "" && (name == path || !missing(name)) {
			return "", mistake("--store: %s: %s", name, reason)
		}
	}
	if err := checkFolder("--store", filepath.Dir(path)); err != nil {
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

// checkFolder finds out whether a file can be created in a folder, which may
// have to be created, too.
func checkFolder(flagName, folder string) error {
	info, err := os.Stat(folder)
	parent := filepath.Dir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist) && isLink(folder):
		return mistake("%s: %s is a link that leads nowhere", flagName, folder)
	case errors.Is(err, fs.ErrNotExist) && parent != folder:
		return checkFolder(flagName, parent)
	case err != nil:
		return mistake("%s: folder %s: %s", flagName, folder, plainReason(err))
	case !info.IsDir():
		return mistake("%s: %s is not a folder", flagName, folder)
	}
	if err := writable(folder); err != nil {
		return mistake("%s: folder %s cannot be written: %s", flagName, folder, plainReason(err))
	}
	return nil
}

// describeDatabase reads the first page, without a lock (SQLite's file format,
// section 1.3). What a log next to the file holds is not in it yet.
func describeDatabase(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", mistake("--store: %s: %s", path, plainReason(err))
	}
	defer file.Close()
	header := make([]byte, 100)
	_, err = io.ReadFull(file, header)
	version := int(binary.BigEndian.Uint32(header[60:]))
	switch {
	case errors.Is(err, io.EOF):
		return "sqlite: " + path + ", which is empty", nil
	case err != nil || !strings.HasPrefix(string(header), "SQLite format 3\x00"):
		return "", mistake("--store: %s is no SQLite database", path)
	case version > sqlite.SchemaVersion():
		return "", mistake("--store: %s has schema version %d; this program knows up to %d: use the newer program", path, version, sqlite.SchemaVersion())
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

// checkFile says why a file cannot be read and written, or "".
func checkFile(path string) string {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return plainReason(err)
	case !info.Mode().IsRegular():
		return "it is not a file"
	}
	if err := writable(path); err != nil {
		return "it cannot be written: " + plainReason(err)
	}
	return ""
}

// plainReason leaves out of an error what is said anyway.
func plainReason(err error) string {
	if failed, ok := errors.AsType[*os.PathError](err); ok {
		err = failed.Err
	}
	return err.Error()
}
