//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package dss

import (
	"errors"
	"os"
	"syscall"
)

// openLock opens a file that nobody else can open this way meanwhile; nil if somebody has. The
// system gives the lock up when the file is closed or the process ends.
func openLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return file, nil
	}
	file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return nil, nil
	}
	return nil, err
}
