// Command bench measures dss side by side with a bare net/http handler that
// keeps a map, as the ceiling of what this machine's net/http can do:
//
//	go run ./test/bench -binary bin/dss
//
// It prints Markdown. Servers are processes of their own, reached over
// loopback TCP; the load comes from this one, which takes its share of the
// same processors. Numbers are worth comparing only within one run.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

// settings say how much to measure.
type settings struct {
	binary  string        // the dss to measure
	folder  string        // for the databases; decides which disk is measured
	rounds  int           // of every measurement; servers take turns
	round   time.Duration // of load
	waiters int           // that wait at the same time
	only    string        // one measurement, or all
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "ceiling" {
		exit(serveCeiling(os.Args[2]))
	}
	var s settings
	flag.StringVar(&s.binary, "binary", "bin/dss", "the dss to measure")
	flag.StringVar(&s.folder, "folder", os.TempDir(), "where the databases go")
	flag.IntVar(&s.rounds, "rounds", 5, "rounds of every measurement")
	flag.DurationVar(&s.round, "round", 2*time.Second, "length of a round of load")
	flag.IntVar(&s.waiters, "waiters", 15_000, "clients that wait at the same time")
	flag.StringVar(&s.only, "only", "", "one of: load, handover, waiters, start")
	flag.Parse()
	exit(run(os.Stdout, s))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(out io.Writer, s settings) (err error) {
	if s.folder, err = os.MkdirTemp(s.folder, "dss-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.folder)) }()
	if err := describeMachine(out, s.folder); err != nil {
		return err
	}
	measurements := []struct {
		name    string
		measure func(io.Writer, settings) error
	}{
		{"load", measureLoad}, {"handover", measureHandover}, {"waiters", measureWaiters}, {"start", measureStart},
	}
	for _, m := range measurements {
		if s.only != "" && s.only != m.name {
			continue
		}
		if err := m.measure(out, s); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}
