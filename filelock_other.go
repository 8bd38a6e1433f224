//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package dss

import (
	"errors"
	"os"
)

// openLock is for systems without locks that end with their process.
func openLock(string) (*os.File, error) {
	return nil, errors.ErrUnsupported
}
