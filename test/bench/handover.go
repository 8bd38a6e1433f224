package main

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// handovers is how many are timed per round.
const handovers = 100

// measureHandover prints the time from sending a deposit to having the
// waiting client's answer. Both are one request each on an idle server.
func measureHandover(out io.Writer, s settings) (err error) {
	servers, stop, err := s.startAll(bare, memory, sqlite)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	latencies := make(map[subject][]time.Duration)
	for range s.rounds {
		for _, one := range servers {
			took, err := one.handOver(handovers)
			if err != nil {
				return fmt.Errorf("%s: %w", one.subject, err)
			}
			latencies[one.subject] = append(latencies[one.subject], took...)
		}
	}
	fmt.Fprint(out, "\n### From a deposit to the waiting app's answer\n\n| server | p50 | p99 |\n|---|--:|--:|\n")
	for _, one := range servers {
		took := latencies[one.subject]
		fmt.Fprintf(out, "| %s | %s | %s |\n", one.subject, short(quantile(took, 0.50)), short(quantile(took, 0.99)))
	}
	return nil
}

func (s *server) handOver(times int) ([]time.Duration, error) {
	app, err := dial(s.address)
	if err != nil {
		return nil, err
	}
	defer app.close()
	browser, err := dial(s.address)
	if err != nil {
		return nil, err
	}
	defer browser.close()
	var took []time.Duration
	for range times {
		key := app.newKey()
		if err := app.sendWait(key); err != nil {
			return nil, err
		}
		time.Sleep(5 * time.Millisecond) // until the app waits
		deposited := make(chan error, 1)
		began := time.Now()
		go func() { deposited <- browser.deposit(key) }()
		err := app.receive(200)
		took = append(took, time.Since(began))
		if err := errors.Join(err, <-deposited); err != nil {
			return nil, err
		}
	}
	return took, nil
}
