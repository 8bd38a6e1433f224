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
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings say how much to measure.
type settings struct {
	binary  string        // the dss to measure
	folder  string        // for the databases; decides which disk is measured
	rounds  int           // of every measurement; servers take turns
	round   time.Duration // of load
	waiters int           // that wait at the same time
	only    string        // a measurement; "" is all
	servers []subject     // to measure, besides the bare handler; nil is all
	conns   []int         // that share the load
	pairs   int           // of deposit and claim, over which memory is flat
	streams int           // of HTTP/2, on which clients wait at the same time
	levels  []int         // of live entries, at which claims are timed
	claims  int           // of each client at each level
	handed  int           // over to a waiting client in each round
	pending int           // device grants to poll
	flags   []string      // of dss, for the measurement under way
	tls     *pair         // of the servers, or nil
}

func main() {
	if len(os.Args) >= 2 && os.Args[1] == "ceiling" {
		exit(serveCeiling(os.Args[2:]...))
	}
	var s settings
	flag.StringVar(&s.binary, "binary", "bin/dss", "the dss to measure")
	flag.StringVar(&s.folder, "folder", os.TempDir(), "where the databases go")
	flag.IntVar(&s.rounds, "rounds", 5, "rounds of every measurement")
	flag.DurationVar(&s.round, "round", 2*time.Second, "length of a round of load")
	flag.IntVar(&s.waiters, "waiters", 15_000, "clients that wait at the same time")
	flag.IntVar(&s.streams, "streams", 100_000, "clients that wait at the same time, over HTTP/2")
	flag.IntVar(&s.pairs, "pairs", 1_000_000, "deposits and claims over which memory is measured")
	flag.StringVar(&s.only, "only", "", "one `measurement`: "+strings.Join(names(), ", "))
	flag.Func("servers", "the `servers` beside the bare handler, such as memory,SQLite (default all)", s.setServers)
	flag.Func("connections", "`numbers` of connections that share the load (default 1,64,256)", s.setConnections)
	s.conns, s.levels = []int{1, 64, 256}, []int{1_000, 100_000, 1_000_000}
	s.claims, s.handed, s.pending = 60, 100, 2_000
	flag.Parse()
	exit(run(os.Stdout, s))
}

func (s *settings) setConnections(list string) error {
	s.conns = nil
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return errors.New("want numbers of connections, separated by commas")
		}
		s.conns = append(s.conns, n)
	}
	return nil
}

func (s *settings) setServers(list string) error {
	s.servers = nil
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(all, func(known subject) bool { return strings.EqualFold(string(known), name) })
		if i < 0 {
			return fmt.Errorf("no server %q; there are %q", name, all)
		}
		s.servers = append(s.servers, all[i])
	}
	return nil
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(out io.Writer, s settings) (err error) {
	if s.only != "" && !slices.Contains(names(), s.only) {
		return fmt.Errorf("no measurement %q; there are %q", s.only, names())
	}
	debug.SetGCPercent(1000) // leave the processors to the servers
	if s.folder, err = os.MkdirTemp(s.folder, "dss-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.folder)) }()
	if err := describeMachine(out, s.folder); err != nil {
		return err
	}
	for _, m := range measurements() {
		if s.only != "" && s.only != m.name {
			continue
		}
		if err := m.measure(out, s); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

type measurement struct {
	name    string
	measure func(io.Writer, settings) error
}

func names() (names []string) {
	for _, m := range measurements() {
		names = append(names, m.name)
	}
	return names
}

func measurements() []measurement {
	return []measurement{
		{"poll", polls.measure},
		{"pair", pairs.measure},
		{"device", deviceAuthorizations.measure},
		{"device-poll", measureDevicePolls},
		{"handover", measureHandover},
		{"growth", measureGrowth},
		{"waiters", measureWaiters},
		{"flat", measureFlat},
		{"device-memory", measureDeviceMemory},
		{"start", measureStart},
		{"handshakes", measureHandshakes},
		{"pair-http2", measureSecurePairs},
		{"waiters-http2", measureStreams},
	}
}
