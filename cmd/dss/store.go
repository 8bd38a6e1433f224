package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/daemon"
	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/store"
)

func storeCommand() *cli.Command {
	return &cli.Command{
		Name: "store", Summary: "examine the store", Arguments: "check",
		About: `dss store check connects to the store that --store names, and does everything that a server does, with an
entry of its own. It prints what it found: version, permissions, clocks, round-trip time, and settings that endanger
what DSS promises. It does not create a store; it prints what a start would create. The status is 1 if there is a problem
with which a server should not run.`,
		Setup: func(f *cli.Flags) cli.Run {
			var url string
			storeFlag(f, &url)
			return func(ctx context.Context, p cli.Process, args []string) error {
				if len(args) != 1 || args[0] != "check" {
					return cli.Usagef("say dss store check")
				}
				return checkStore(ctx, p, url)
			}
		},
	}
}

func checkStore(ctx context.Context, p cli.Process, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	findings, err := daemon.CheckStore(ctx, url)
	if err != nil {
		return err
	}
	const indent = "                          "
	for _, f := range findings {
		text := strings.TrimPrefix(cli.Wrap(display.Clean(f.Text), indent, 100), indent)
		fmt.Fprintf(p.Stdout, "%-8s  %-14s  %s", f.Level, f.Subject, text)
	}
	if store.Worst(findings) == store.Problem {
		return errors.New("the store has problems")
	}
	return nil
}
