//go:build unix

package apps

import (
	"os"
	"syscall"
)

// lockLasts says that a file can be replaced while it is open and locked.
const lockLasts = true

// openLocked opens a file and locks it, until it is closed, for processes that do
// the same.
func openLocked(path string) (*os.File, error) {
	for {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		for err = syscall.EINTR; err == syscall.EINTR; {
			err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX) // not every file system can; that is noticed later
		}
		locked, err := file.Stat()
		if err != nil {
			file.Close()
			return nil, err
		}
		if now, err := os.Stat(path); err == nil && os.SameFile(now, locked) {
			return file, nil
		}
		file.Close() // another process has replaced it
	}
}

// keepOwner gives a file the owner of another one.
func keepOwner(file *os.File, like os.FileInfo) error {
	own, err := file.Stat()
	if err != nil {
		return err
	}
	is, isOK := own.Sys().(*syscall.Stat_t)
	want, wantOK := like.Sys().(*syscall.Stat_t)
	if !isOK || !wantOK || is.Uid == want.Uid && is.Gid == want.Gid {
		return nil
	}
	return file.Chown(int(want.Uid), int(want.Gid))
}
