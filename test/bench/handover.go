package main

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// route is where an app waits and where the browser deposits.
type route struct {
	name     string
	from, to *server
}

// measureHandover prints the time from sending a deposit to having the
// waiting client's answer. Both are one request each on an idle server, and
// then on two that share a store.
func measureHandover(out io.Writer, s settings) (err error) {
	servers, stop, err := s.startAll(bare, memory, sqlite, redis, postgres)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	var routes []route
	for _, one := range servers {
		routes = append(routes, route{string(one.subject), one, one})
	}
	for _, what := range s.chosen(redis, postgres) {
		pair, stop, err := s.startPair(what)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
		routes = append(routes, route{string(what) + ", from one server to another", pair[0], pair[1]})
	}
	latencies := make(map[string][]time.Duration)
	for range s.rounds {
		for _, r := range routes {
			took, err := r.handOver(s.handed)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			latencies[r.name] = append(latencies[r.name], took...)
		}
	}
	fmt.Fprint(out, "\n### From a deposit to the waiting app's answer\n\n| server | p50 | p99 |\n|---|--:|--:|\n")
	for _, r := range routes {
		took := latencies[r.name]
		fmt.Fprintf(out, "| %s | %s | %s |\n", r.name, short(quantile(took, 0.50)), short(quantile(took, 0.99)))
	}
	return nil
}

// startPair starts two servers on one store.
func (s settings) startPair(what subject) ([]*server, func() error, error) {
	first, err := s.start(what)
	if err != nil {
		return nil, nil, err
	}
	second, err := s.startOn(what, first.store)
	if err != nil {
		return nil, nil, errors.Join(err, first.stop())
	}
	return []*server{first, second}, func() error { return errors.Join(second.stop(), first.stop()) }, nil
}

func (r route) handOver(times int) ([]time.Duration, error) {
	app, err := dial(r.to.address)
	if err != nil {
		return nil, err
	}
	defer app.close()
	browser, err := dial(r.from.address)
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
