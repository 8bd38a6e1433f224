//go:build !unix && !windows

package browser

import "syscall"

func ownSession() *syscall.SysProcAttr { return nil }
