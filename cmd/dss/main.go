// Command dss runs the desktop stack server, which lets desktop and
// command-line programs sign their users in to the Stack Exchange API, and
// signs users in from the command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/daemon"
	"github.com/desktop-stack-serv/dss/internal/display"
)

// Exit statuses. The notes of [program] explain them.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitDenied      = 3
	exitExpired     = 4
	exitUnreachable = 5
	exitNoToken     = 6
	exitInterrupted = 130
)

func program() *cli.Program {
	return &cli.Program{
		Name:    "dss",
		Purpose: "dss lets desktop and command-line programs sign their users in to Stack Exchange.",
		Commands: []*cli.Command{
			serveCommand(), healthCommand(), storeCommand(), appsCommand(), upstreamCommand(),
			loginCommand(), tokenCommand(), accountsCommand(), whoamiCommand(), logoutCommand(),
			doctorCommand(), versionCommand(),
		},
		Notes: "Exit status: 0 if all went well, 2 for a mistake in the command line or the environment, " +
			"3 if access was denied or the token is not valid, 4 if the sign-in timed out, expired, lost its answer " +
			"or got two different ones, 5 if a server cannot be reached, 6 if there is no valid token and nobody " +
			"to sign in, 130 if interrupted, 1 for anything else.",
		Variables: []string{"DSS_TOKEN"},
	}
}

var errInterrupted = errors.New("interrupted")

func main() {
	p := cli.Process{Env: os.Getenv, Environ: os.Environ, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	os.Exit(run(context.Background(), os.Args[1:], p))
}

func run(ctx context.Context, args []string, p cli.Process) int {
	err := program().Run(ctx, p, args)
	for _, one := range split(err) {
		prefix := "dss: "
		if _, ok := errors.AsType[clientError](one); ok {
			prefix = ""
		}
		fmt.Fprintln(p.Stderr, prefix+display.Clean(one.Error()))
	}
	return exitStatus(err)
}

// clientError is an error of package dss. Its text starts with "dss: ".
type clientError struct{ error }

// Unwrap returns the error of package dss.
func (e clientError) Unwrap() error { return e.error }

func fromClient(err error) error {
	if err == nil {
		return nil
	}
	return clientError{err}
}

// split returns the errors that err joins, each of which gets a line.
func split(err error) (all []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	switch {
	case err == nil:
		return nil
	case !ok:
		return []error{err}
	}
	for _, one := range joined.Unwrap() {
		all = append(all, split(one)...)
	}
	return all
}

func exitStatus(err error) int {
	_, usage := errors.AsType[cli.UsageError](err)
	if _, setting := errors.AsType[daemon.SettingError](err); usage || setting {
		return exitUsage
	}
	for _, known := range []struct {
		err    error
		status int
	}{
		{nil, exitOK},
		{errInterrupted, exitInterrupted},
		{dss.ErrAccessDenied, exitDenied},
		{dss.ErrInvalidToken, exitDenied},
		{dss.ErrExpired, exitExpired},
		{dss.ErrConflict, exitExpired},
		{dss.ErrAnswerLost, exitExpired},
		{dss.ErrUnreachable, exitUnreachable},
		{errOutage, exitUnreachable},
		{dss.ErrNoToken, exitNoToken},
		{dss.ErrWrongServer, exitUsage}, // one that is there, but has another name
	} {
		if errors.Is(err, known.err) {
			return known.status
		}
	}
	return exitFailure
}
