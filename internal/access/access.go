// Package access reports what this process may do with files and folders,
// without creating or changing any.
package access

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// File returns the size of the file at path, or -1 if there is nothing. It returns
// an error if there is anything but a regular file that this process may write.
func File(path string) (size int64, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && isLink(path):
		return 0, fmt.Errorf("%s is a link that leads nowhere", path)
	case errors.Is(err, fs.ErrNotExist):
		return -1, nil
	case err != nil:
		return 0, fmt.Errorf("%s: %w", path, reason(err))
	case !info.Mode().IsRegular():
		return 0, fmt.Errorf("%s: it is not a file", path)
	}
	if err := writable(path); err != nil {
		return 0, fmt.Errorf("%s: it cannot be written: %w", path, reason(err))
	}
	return info.Size(), nil
}

// Folder returns an error unless this process may create a file in folder, or
// first the folder itself.
func Folder(folder string) error {
	info, err := os.Stat(folder)
	parent := filepath.Dir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist) && isLink(folder):
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

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// reason returns an error without the operation and the path.
func reason(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}
