package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/store"
)

// checkTime bounds the examination of a store.
const checkTime = 2 * time.Minute

var errStoreProblems = errors.New("the store has problems")

func storeCommand() *cli.Command {
	return &cli.Command{
		Name: "store", Summary: "examine the store", Arguments: "check",
		About: `dss store check connects to the store that --store names and does everything with it that a server does, on an entry of its own. It says what it found: version, permissions, clocks, round-trip time, and settings that endanger what DSS promises. It creates nothing: of a store that is not there yet it says what a start would create. It ends with status 1 if there is a problem, which a server should not run on.`,
		Setup: func(f *cli.Flags) cli.Run {
			c := &config{maxEntries: store.DefaultMaxEntries, maxBytes: store.DefaultMaxBytes}
			c.storeFlag(f)
			return c.runStoreCommand
		},
	}
}

func (c *config) runStoreCommand(ctx context.Context, p cli.Process, args []string) error {
	if len(args) != 1 || args[0] != "check" {
		return usagef("say dss store check")
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	findings, err := c.examineStore(ctx, p.Stderr)
	if err != nil {
		return err
	}
	printFindings(p.Stdout, findings)
	if store.Worst(findings) == store.Problem {
		return errStoreProblems
	}
	return nil
}

// examineStore returns an error if --store is not usable at all. What a start
// would create belongs to the user that the server runs as, so it is not
// created here.
func (c *config) examineStore(ctx context.Context, stderr io.Writer) ([]store.Finding, error) {
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	kind, err := c.storeKind()
	if err != nil {
		return nil, err
	}
	if kind.missing != nil {
		if text, err := kind.missing(ctx, c.store); err != nil || text != "" {
			return unopened(store.OK, text, err)
		}
	}
	opened, err := c.openStore(ctx, log)
	if err != nil {
		return unopened(store.Problem, "", err)
	}
	defer opened.Close()
	defer runBackground("store", opened.Run, log)()
	findings := []store.Finding{{Subject: "connection", Text: "connected to " + c.storeName()}}
	if more, ok := opened.(store.Inspector); ok {
		findings = append(findings, more.Inspect(ctx)...)
	} else {
		findings = append(findings, store.Finding{Subject: "servers", Text: "this store is for one server: no other can use it at the same time"})
	}
	return append(findings, store.Exercise(ctx, opened)...), nil
}

// unopened is all there is to say of a store that is not there.
func unopened(level store.Level, text string, err error) ([]store.Finding, error) {
	if _, ok := errors.AsType[cli.UsageError](err); ok {
		return nil, err
	}
	if err != nil {
		level, text = store.Problem, err.Error()
	} else {
		text += "; nothing else was looked at, as that would create it"
	}
	return []store.Finding{{Level: level, Subject: "connection", Text: text}}, nil
}

// storeName is the value of --store without what is secret in it.
func (c *config) storeName() string {
	if u, err := store.ParseURL(c.store); err == nil {
		return u.String()
	}
	return c.store // a path
}

func printFindings(w io.Writer, findings []store.Finding) {
	const indent = "                          "
	for _, f := range findings {
		text := strings.TrimPrefix(cli.Wrap(display.Clean(f.Text), indent, 100), indent)
		fmt.Fprintf(w, "%-8s  %-14s  %s", f.Level, f.Subject, text)
	}
}
