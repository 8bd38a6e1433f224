//go:build !windows

package main

import (
	"os"
	"os/signal"
	"syscall"
)

func enableColors(*os.File) bool { return true }

// readsInBackground lets a job in the background read from its terminal: it gets an
// error, and is not stopped.
func readsInBackground() { signal.Ignore(syscall.SIGTTIN) }
