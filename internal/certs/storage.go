package certs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Folder is a [Storage] for one server: files that only its own user can
// read, in a folder that only its own user can enter.
type Folder struct{ path string }

var _ Storage = (*Folder)(nil)

// OpenFolder makes the folder, if there is none, and removes what a server
// that was killed has left half-done in it.
func OpenFolder(path string) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("certificate folder: %w", err)
	}
	if err := os.Chmod(path, 0o700); err != nil {
		return nil, fmt.Errorf("certificate folder: %w", err)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("certificate folder: %w", err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), challengePrefix) || strings.HasSuffix(entry.Name(), ".tmp") {
			_ = os.Remove(filepath.Join(path, entry.Name())) // it is in nobody's way
		}
	}
	return &Folder{path}, nil
}

var storable = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*$`)

func (f *Folder) file(name string) (string, error) {
	if !storable.MatchString(name) || len(name) > 250 {
		return "", errors.New("certificate folder: not the name of a file")
	}
	return filepath.Join(f.path, name+".pem"), nil
}

// Get implements [Storage].
func (f *Folder) Get(_ context.Context, name string) ([]byte, bool, error) {
	file, err := f.file(name)
	if err != nil {
		return nil, false, err
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("certificate folder: %w", err)
	}
	return data, true, nil
}

// Put implements [Storage]. Files do not expire.
func (f *Folder) Put(_ context.Context, name string, data []byte, _ time.Duration) error {
	file, err := f.file(name)
	if err != nil {
		return err
	}
	if err := f.write(file, data); err != nil {
		return fmt.Errorf("certificate folder: %w", err)
	}
	return nil
}

// write leaves the old file or the new one, whatever happens.
func (f *Folder) write(file string, data []byte) error {
	temporary, err := os.CreateTemp(f.path, "new-*.tmp") // readable by its owner alone
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(data)
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), file)
}

// Delete implements [Storage].
func (f *Folder) Delete(_ context.Context, name string) error {
	file, err := f.file(name)
	if err != nil {
		return err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("certificate folder: %w", err)
	}
	return nil
}

// Lock implements [Storage]. There is no other server.
func (f *Folder) Lock(context.Context, string) (func(), bool, error) {
	return func() {}, true, nil
}
