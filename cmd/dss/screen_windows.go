package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// enableColors makes the console interpret escape sequences instead of printing
// them.
func enableColors(file *os.File) bool {
	console := windows.Handle(file.Fd())
	var mode uint32
	if windows.GetConsoleMode(console, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

// readsInBackground does nothing: there are no such jobs.
func readsInBackground() {}
