//go:build !windows

package access

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// writable returns why this process may not write a file, or in a folder.
func writable(path string) error { return unix.Access(path, unix.W_OK) }

// LockHolder returns the process that has locked any of size bytes of a file
// from start on, or 0 if there is none or the system does not know. It takes no
// lock itself.
func LockHolder(file *os.File, start, size int64) int {
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: start, Len: size}
	if unix.FcntlFlock(file.Fd(), unix.F_GETLK, &lock) != nil || lock.Type == unix.F_UNLCK {
		return 0
	}
	return int(lock.Pid)
}
