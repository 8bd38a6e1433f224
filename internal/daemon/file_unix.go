//go:build !windows

package daemon

import (
	"os"

	"golang.org/x/sys/unix"
)

// writable says why this process may not write a file, or in a folder.
func writable(path string) error { return unix.Access(path, unix.W_OK) }

// SQLite's locks are on these bytes, at 1 GiB of any database.
const (
	lockStart = 1 << 30
	lockSize  = 512
)

// lockHolder returns the process that has locked a database, or 0. It takes no
// lock to find out.
func lockHolder(file *os.File) int {
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: lockStart, Len: lockSize}
	if unix.FcntlFlock(file.Fd(), unix.F_GETLK, &lock) != nil || lock.Type == unix.F_UNLCK {
		return 0
	}
	return int(lock.Pid)
}
