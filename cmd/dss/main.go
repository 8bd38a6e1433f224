// Command dss runs the desktop stack server: it lets desktop and command-line
// programs sign their users in to the Stack Exchange API.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

// Exit statuses.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

const usage = `dss lets desktop and command-line programs sign their users in to Stack Exchange.

usage:
  dss serve [flags]   run the server; dss serve --help lists the flags
  dss version         print the version
`

// usageError is a mistake in the command line or the settings.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, arguments ...any) error {
	return usageError{fmt.Sprintf(format, arguments...)}
}

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, env lookupEnv, stdout, stderr io.Writer) int {
	err := command(ctx, args, env, stdout, stderr)
	var bad usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.As(err, &bad):
		fmt.Fprintln(stderr, "dss:", err)
		return exitUsage
	}
	fmt.Fprintln(stderr, "dss:", err)
	return exitFailure
}

func command(ctx context.Context, args []string, env lookupEnv, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return usagef("name a command")
	}
	switch name := args[0]; name {
	case "serve":
		return serve(ctx, args[1:], env, stdout, stderr)
	case "version", "--version", "-version":
		_, err := fmt.Fprintln(stdout, "dss", version())
		return err
	case "help", "--help", "-help", "-h":
		_, err := fmt.Fprint(stdout, usage)
		return err
	default:
		return usagef("there is no command %q; dss help lists them", name)
	}
}

// version is the module's version, as the Go toolchain recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
