package program

import (
	"os"
	"syscall"
)

// Namespaces has a process start in a network and among mounts of its own, in which it
// may change both, with the user and group that it has outside.
func Namespaces() *syscall.SysProcAttr {
	own := func(id int) []syscall.SysProcIDMap { return []syscall.SysProcIDMap{{HostID: id, Size: 1}} }
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		UidMappings: own(os.Getuid()),
		GidMappings: own(os.Getgid()),
	}
}
