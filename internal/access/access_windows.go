package access

import (
	"io/fs"
	"os"
)

// writable returns why a file cannot be written, as far as its attributes show.
// What an access control list forbids shows only in a write.
func writable(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode()&0o200 == 0 {
		err = fs.ErrPermission
	}
	return err
}

// LockHolder returns 0: Windows does not report which process has locked a file.
func LockHolder(_ *os.File, _, _ int64) int { return 0 }
