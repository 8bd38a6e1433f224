// Package access reports what this process may do with files and folders. It
// creates and changes nothing to find out.
package access

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// File returns an error unless there is a regular file at path that this
// process may write.
func File(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", path, reason(err))
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: it is not a file", path)
	}
	if err := writable(path); err != nil {
		return fmt.Errorf("%s: it cannot be written: %w", path, reason(err))
	}
	return nil
}

// Folder returns an error unless this process may create a file in folder, or
// first the folder itself.
func Folder(folder string) error {
	info, err := os.Stat(folder)
	parent := filepath.Dir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist) && IsLink(folder):
		return fmt.Errorf("%s is a link that leads nowhere", folder)
	case errors.Is(err, fs.ErrNotExist) && parent != folder:
		return Folder(parent)
	case err != nil:
		return fmt.Errorf("folder %s: %w", folder, reason(err))
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", folder)
	}
	if err := writable(folder); err != nil {
		return fmt.Errorf("folder %s cannot be written: %w", folder, reason(err))
	}
	return nil
}

// IsLink reports whether there is a symbolic link at path, wherever it leads.
func IsLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// reason is an error without the operation and the path.
func reason(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}
