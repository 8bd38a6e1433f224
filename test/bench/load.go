package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// workload is what every connection does over and over: calls of step, which
// times each request.
type workload struct {
	title string
	step  func(c *client, timed func(func() error) error) error
	flags []string // of dss
}

var polls = workload{"Polls of an absent key", func(c *client, timed func(func() error) error) error {
	key := c.newKey()
	return timed(func() error { return c.poll(key) })
}, nil}

var pairs = workload{"Deposit and claim", func(c *client, timed func(func() error) error) error {
	key := c.newKey()
	if err := timed(func() error { return c.deposit(key) }); err != nil {
		return err
	}
	return timed(func() error { return c.claim(key) })
}, nil}

// measure prints requests each second, the server's processor time for each, and
// latencies. The servers take turns within each round; a ratio is the median of the
// rounds' ratios, so that a slow moment of the machine weighs little.
func (load workload) measure(out io.Writer, s settings) error {
	return load.measureAfter(out, s, func(*server) error { return nil })
}

// measureAfter has each server prepared first.
func (load workload) measureAfter(out io.Writer, s settings, prepare func(*server) error) (err error) {
	s.flags = load.flags
	subjects := []subject{bare, memory, sqlite, redis, postgres}
	if s.tls == nil {
		subjects = append(subjects, limited)
	}
	servers, stop, err := s.startAll(subjects...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for _, one := range servers {
		if err := prepare(one); err != nil {
			return fmt.Errorf("%s: %w", one.subject, err)
		}
	}
	fmt.Fprintf(out, "\n### %s\n\n| connections | server | requests/s | of bare | CPU/request | of bare | p50 | p99 |\n"+
		"|--:|---|--:|--:|--:|--:|--:|--:|\n", load.title)
	for _, n := range s.conns {
		if err := compareLoad(out, s, servers, load, n); err != nil {
			return fmt.Errorf("%d connections: %w", n, err)
		}
	}
	return nil
}

// outcome is what the rounds on one server have shown.
type outcome struct {
	rates, ratesOfBare []float64 // requests each second
	costs, costsOfBare []float64 // of processor time, in seconds for each request
	latencies          []time.Duration
}

func compareLoad(out io.Writer, s settings, servers []*server, load workload, n int) error {
	outcomes := make([]outcome, len(servers))
	for range s.rounds {
		for i, one := range servers {
			seen, took, used, err := load.run(one, n, s.round)
			if err != nil {
				return fmt.Errorf("%s: %w", one.subject, err)
			}
			o := &outcomes[i]
			o.latencies = append(o.latencies, seen...)
			o.rates = append(o.rates, float64(len(seen))/took.Seconds())
			o.costs = append(o.costs, used.Seconds()/float64(len(seen)))
			o.ratesOfBare = append(o.ratesOfBare, last(o.rates)/last(outcomes[0].rates))
			o.costsOfBare = append(o.costsOfBare, last(o.costs)/last(outcomes[0].costs))
		}
	}
	for i, one := range servers {
		o := outcomes[i]
		fmt.Fprintf(out, "| %d | %s | %.0f | %.2f | %.1f µs | %.2f | %s | %s |\n", n, one.subject,
			median(o.rates), median(o.ratesOfBare), median(o.costs)*1e6, median(o.costsOfBare),
			short(quantile(o.latencies, 0.50)), short(quantile(o.latencies, 0.99)))
	}
	return nil
}

// run puts the load on one server over n connections. After a warm-up it counts, for
// the given time or until a request has ended. It returns how long each request took
// that ended meanwhile, how long that was, and the processor time that the server used.
func (load workload) run(one *server, n int, length time.Duration) (
	seen []time.Duration, took, used time.Duration, err error,
) {
	var (
		all     sync.WaitGroup
		phase   atomic.Int32 // 0 warm-up, 1 counting, 2 over
		results = make([][]time.Duration, n)
		failed  = make([]error, n)
		counted = make(chan struct{}, 1) // a request has ended, or all of a connection have
	)
	for i := range n {
		c, err := one.dial()
		if err != nil {
			phase.Store(2)
			all.Wait()
			return nil, 0, 0, err
		}
		all.Go(func() {
			defer c.close()
			defer signal(counted)
			for phase.Load() < 2 && failed[i] == nil {
				failed[i] = load.step(c, func(request func() error) error {
					began := time.Now()
					err := request()
					if phase.Load() == 1 {
						results[i] = append(results[i], time.Since(began))
						signal(counted)
					}
					return err
				})
			}
		})
	}
	time.Sleep(length / 4)
	before, err := one.processorTime()
	began := time.Now()
	phase.Store(1)
	time.Sleep(length)
	<-counted
	took = time.Since(began)
	after, laterErr := one.processorTime()
	phase.Store(2)
	all.Wait()
	for _, result := range results {
		seen = append(seen, result...)
	}
	return seen, took, after - before, errors.Join(append(failed, err, laterErr)...)
}

// signal fills a channel that has room.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
