package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/contract"
	"github.com/desktop-stack-serv/dss/internal/daemon"
	"github.com/desktop-stack-serv/dss/internal/display"
)

// errOutage means that an outage kept Stack Exchange from being checked.
var errOutage = errors.New("an outage, not a change")

// upstreamCheck is every setting of dss upstream check.
type upstreamCheck struct {
	settings     daemon.Settings
	file, output string
}

func upstreamCommand() *cli.Command {
	return &cli.Command{
		Name: "upstream", Summary: "check that Stack Exchange is as DSS expects", Arguments: "check",
		About: `dss upstream check compares Stack Exchange with a contract, the dated list of facts that DSS relies on. It
sends five requests, none of them with a real credential, and prints a line for each fact. No outage, no page of a proxy
and no garbage makes a fact a changed one. Facts that the contract marks as unknown are shown as they were found.

The status is 0 if the contract holds, 1 if a fact has changed, 5 if none has but not all could be seen.`,
		Setup: func(f *cli.Flags) cli.Run {
			u := &upstreamCheck{}
			upstreamFlags(f, &u.settings)
			f.StringVar(&u.file, "contract", "", "`file` with another contract than the built-in one, as JSON")
			f.ChoiceVar(&u.output, "output", "text|json", "how to print it")
			return u.run
		},
	}
}

func (u *upstreamCheck) run(ctx context.Context, p cli.Process, args []string) error {
	if len(args) != 1 || args[0] != "check" {
		return cli.Usagef("say dss upstream check")
	}
	c, err := u.contract()
	if err != nil {
		return err
	}
	if c.Old(time.Now()) {
		fmt.Fprintf(p.Stderr, "dss: warning: the contract is of %v, more than half a year ago; "+
			"what has changed may be known to a newer one\n", c.Date)
	}
	return interruptible(ctx, func(ctx context.Context) error {
		report, err := daemon.CheckUpstream(ctx, u.settings, c)
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if err := u.print(p.Stdout, report); err != nil {
			return err
		}
		return verdict(report)
	})
}

// maxContract bounds the file, in bytes.
const maxContract = 1 << 20

func (u *upstreamCheck) contract() (*contract.Contract, error) {
	if u.file == "" {
		return contract.BuiltIn(), nil
	}
	file, err := os.Open(u.file)
	if err != nil {
		return nil, cli.Usagef("--contract: %v", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxContract))
	if err != nil {
		return nil, cli.Usagef("--contract: %v", err)
	}
	c, err := contract.Parse(text)
	if err != nil {
		return nil, cli.Usagef("--contract %s: %v", u.file, err)
	}
	return c, nil
}

func (u *upstreamCheck) print(w io.Writer, report contract.Report) error {
	if u.output == "json" {
		return writeJSON(w, report)
	}
	for _, f := range report.Findings {
		_, err := fmt.Fprintf(w, "%-11s  %-21s  %s\n", f.Outcome, display.Clean(f.ID), display.Clean(f.String()))
		if err != nil {
			return err
		}
	}
	return nil
}

// verdict is the error that a report stands for.
func verdict(report contract.Report) error {
	known := len(report.Findings) - report.Count(contract.Unknown)
	switch report.Outcome {
	case contract.Changed:
		return fmt.Errorf("%d of %d facts of %v do not hold: Stack Exchange has changed",
			report.Count(contract.Changed), known, report.Date)
	case contract.Unreachable:
		return fmt.Errorf("%d of %d facts could not be seen: %w", report.Count(contract.Unreachable), known, errOutage)
	}
	return nil
}
