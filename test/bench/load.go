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

// measure prints requests per second and latencies. The servers take turns
// within each round; the ratio is the median of the rounds' ratios, so that a
// slow moment of the machine weighs little.
func (load workload) measure(out io.Writer, s settings) error {
	return load.measureAfter(out, s, func(*server) error { return nil })
}

// measureAfter has each server prepared first.
func (load workload) measureAfter(out io.Writer, s settings, prepare func(*server) error) (err error) {
	s.flags = load.flags
	servers, stop, err := s.startAll(bare, dressed, memory, sqlite, redis, postgres)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for _, one := range servers {
		if err := prepare(one); err != nil {
			return fmt.Errorf("%s: %w", one.subject, err)
		}
	}
	fmt.Fprintf(out, "\n### %s\n\n| connections | server | requests/s | p50 | p99 | of bare | of bare with headers |\n|--:|---|--:|--:|--:|--:|--:|\n", load.title)
	for _, n := range s.conns {
		if err := compareLoad(out, s, servers, load, n); err != nil {
			return fmt.Errorf("%d connections: %w", n, err)
		}
	}
	return nil
}

func compareLoad(out io.Writer, s settings, servers []*server, load workload, n int) error {
	rates := make(map[subject][]float64)
	ofBare, ofDressed := make(map[subject][]float64), make(map[subject][]float64)
	latencies := make(map[subject][]time.Duration)
	for range s.rounds {
		for _, one := range servers {
			seen, err := load.run(one, n, s.round)
			if err != nil {
				return fmt.Errorf("%s: %w", one.subject, err)
			}
			rate := float64(len(seen)) / s.round.Seconds()
			rates[one.subject] = append(rates[one.subject], rate)
			latencies[one.subject] = append(latencies[one.subject], seen...)
		}
		for _, one := range servers {
			rate := last(rates[one.subject])
			ofBare[one.subject] = append(ofBare[one.subject], rate/last(rates[bare]))
			ofDressed[one.subject] = append(ofDressed[one.subject], rate/last(rates[dressed]))
		}
	}
	for _, one := range servers {
		took := latencies[one.subject]
		fmt.Fprintf(out, "| %d | %s | %.0f | %s | %s | %.2f | %.2f |\n", n, one.subject, median(rates[one.subject]),
			short(quantile(took, 0.50)), short(quantile(took, 0.99)),
			median(ofBare[one.subject]), median(ofDressed[one.subject]))
	}
	return nil
}

// run puts the load on one server over n connections and returns how long each request
// took that ended within the given time, after a warm-up.
func (load workload) run(one *server, n int, length time.Duration) ([]time.Duration, error) {
	var (
		all     sync.WaitGroup
		phase   atomic.Int32 // 0 warm-up, 1 counting, 2 over
		results = make([][]time.Duration, n)
		failed  = make([]error, n)
	)
	for i := range n {
		c, err := one.dial()
		if err != nil {
			phase.Store(2)
			all.Wait()
			return nil, err
		}
		all.Go(func() {
			defer c.close()
			for phase.Load() < 2 && failed[i] == nil {
				failed[i] = load.step(c, func(request func() error) error {
					began := time.Now()
					err := request()
					if phase.Load() == 1 {
						results[i] = append(results[i], time.Since(began))
					}
					return err
				})
			}
		})
	}
	time.Sleep(length / 4)
	phase.Store(1)
	time.Sleep(length)
	phase.Store(2)
	all.Wait()
	var seen []time.Duration
	for _, result := range results {
		seen = append(seen, result...)
	}
	return seen, errors.Join(failed...)
}
