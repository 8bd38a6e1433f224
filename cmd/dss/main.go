// Command dss runs the desktop stack server, which lets desktop and
// command-line programs sign their users in to the Stack Exchange API, and
// signs users in from the command line.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/display"
)

// Exit statuses.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitDenied      = 3
	exitExpired     = 4
	exitUnreachable = 5
	exitInterrupted = 130
)

// exitMeanings is what help and manual say about them.
var exitMeanings = []struct {
	status  int
	meaning string
}{
	{exitOK, "done"},
	{exitFailure, "anything that is not below"},
	{exitUsage, "a mistake in the command line or the environment"},
	{exitDenied, "access was denied, or the token is not valid"},
	{exitExpired, "the sign-in timed out, expired, lost its answer, or got two different ones"},
	{exitUnreachable, "a server cannot be reached"},
	{exitInterrupted, "interrupted"},
}

// usageError is a mistake in the command line or the settings.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, arguments ...any) error {
	return usageError{fmt.Sprintf(format, arguments...)}
}

var errInterrupted = errors.New("interrupted")

func main() {
	p := process{os.LookupEnv, os.Environ, os.Stdin, os.Stdout, os.Stderr}
	os.Exit(run(context.Background(), os.Args[1:], p))
}

func run(ctx context.Context, args []string, p process) int {
	p.env = p.env.orUnset
	err := dispatch(ctx, args, p)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintln(p.stderr, "dss:", strings.TrimPrefix(display.Clean(line), "dss: "))
		}
	}
	return exitStatus(err)
}

func exitStatus(err error) int {
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	for _, known := range []struct {
		err    error
		status int
	}{
		{nil, exitOK},
		{flag.ErrHelp, exitOK},
		{errInterrupted, exitInterrupted},
		{dss.ErrAccessDenied, exitDenied},
		{dss.ErrInvalidToken, exitDenied},
		{dss.ErrExpired, exitExpired},
		{dss.ErrConflict, exitExpired},
		{dss.ErrAnswerLost, exitExpired},
		{dss.ErrUnreachable, exitUnreachable},
	} {
		if errors.Is(err, known.err) {
			return known.status
		}
	}
	return exitFailure
}
