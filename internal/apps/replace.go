package apps

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// replaceFile replaces the file at path by what change makes of it, at once: there
// is no time at which it is not whole. Mode and owner stay. Of several processes
// that do so, one goes after the other; where the system has no lock for that, one
// of them fails.
func replaceFile(path string, change func(before []byte) (after []byte, err error)) error {
	file, err := openLocked(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	before, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return err
	}
	after, err := change(before)
	if err != nil || bytes.Equal(before, after) {
		return err
	}
	if !lockLasts {
		file.Close()
	}
	temporary, err := writeBeside(path, after, info)
	if err != nil {
		return fmt.Errorf("%s cannot be replaced: %w", path, err)
	}
	if now, err := os.Stat(path); err != nil || !same(now, info) {
		_ = os.Remove(temporary)
		return fmt.Errorf("%s was changed meanwhile, and was left as it is: try again", path)
	}
	if err := os.Rename(temporary, path); err != nil {
		_ = os.Remove(temporary)
		return err
	}
	syncFolder(filepath.Dir(path))
	return nil
}

// writeBeside writes a file with the mode and owner of another one, in the same
// folder.
func writeBeside(path string, content []byte, like os.FileInfo) (name string, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(content)
	if err == nil {
		err = keepOwner(file, like)
	}
	if err == nil {
		err = file.Chmod(like.Mode().Perm())
	}
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return file.Name(), err
}

// syncFolder makes a renaming last. Not every system can.
func syncFolder(name string) {
	if folder, err := os.Open(name); err == nil {
		_ = folder.Sync()
		folder.Close()
	}
}
