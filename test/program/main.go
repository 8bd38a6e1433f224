// Package program builds cmd/dss and runs it, for the tests that need the real
// binary.
package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// Binary is a way to build cmd/dss.
type Binary struct {
	path *string // where its path goes
	cgo  bool
	args []string // of go build
}

// Raced is a binary that detects data races.
func Raced(path *string) Binary { return Binary{path, true, []string{"-race"}} }

// Plain is the binary that is released: without the race detector, which takes
// time and memory of its own.
func Plain(path *string) Binary { return Binary{path, false, []string{"-trimpath"}} }

// Main is what TestMain does: it builds the binaries, sets their paths, calls
// run, which is often the method of [testing.M], and exits with the status
// that it returns.
func Main(run func() int, binaries ...Binary) { os.Exit(build(run, binaries)) }

func build(run func() int, binaries []Binary) (status int) {
	folder, err := os.MkdirTemp("", "dss-program-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	for i, binary := range binaries {
		*binary.path = filepath.Join(folder, strconv.Itoa(i), "dss")
		if err := binary.build(); err != nil {
			fmt.Fprintln(os.Stderr, "go build:", err)
			return 1
		}
	}
	return run()
}

func (b Binary) build() error {
	args := append([]string{"build", "-o", *b.path}, b.args...)
	command := exec.Command("go", append(args, "github.com/desktop-stack-serv/dss/cmd/dss")...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if b.cgo {
		command.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	return command.Run()
}
