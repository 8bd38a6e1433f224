package main

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// measureWaiters prints what each waiting client adds to the server's memory.
func measureWaiters(out io.Writer, s settings) error {
	fmt.Fprintf(out, "\n### Memory for %d waiting clients\n\n| server | before | with all waiting | per client | of the ceiling |\n|---|--:|--:|--:|--:|\n", s.waiters)
	var ceiling float64
	for _, what := range s.chosen(bare, memory, sqlite) {
		before, with, err := s.waiterMemory(what)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		each := float64(with-before) / float64(s.waiters)
		if what == bare {
			ceiling = each
		}
		fmt.Fprintf(out, "| %s | %s | %s | %.1f KiB | %.2f |\n", what, megabytes(before), megabytes(with), each/1024, each/ceiling)
	}
	return nil
}

// growth returns a server's memory before and after fill, whose result is
// called once that has been measured.
func (s settings) growth(what subject, fill func(*server) (done func() error, err error)) (before, with int64, err error) {
	one, err := s.start(what)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, one.stop()) }()
	if before, err = one.settled(); err != nil {
		return 0, 0, err
	}
	done, err := fill(one)
	if err != nil {
		return 0, 0, err
	}
	with, err = one.settled()
	return before, with, errors.Join(err, done())
}

func (s settings) waiterMemory(what subject) (before, with int64, err error) {
	return s.growth(what, func(one *server) (func() error, error) {
		clients, keys, err := one.wait(s.waiters)
		return func() error {
			err := one.answered(clients, keys)
			for _, c := range clients {
				c.close()
			}
			return err
		}, err
	})
}

// wait opens n connections and has a claim wait on each.
func (s *server) wait(n int) ([]*client, []string, error) {
	clients, keys := make([]*client, 0, n), make([]string, 0, n)
	for range n {
		c, err := dial(s.address)
		if err != nil {
			return clients, keys, err
		}
		key := c.newKey()
		clients, keys = append(clients, c), append(keys, key)
		if err := c.sendWait(key); err != nil {
			return clients, keys, err
		}
	}
	return clients, keys, nil
}

// answered fails unless a deposit reaches each of a hundred of those who wait.
func (s *server) answered(clients []*client, keys []string) error {
	browser, err := dial(s.address)
	if err != nil {
		return err
	}
	defer browser.close()
	for i := 0; i < len(clients); i += max(1, len(clients)/100) {
		if err := errors.Join(browser.deposit(keys[i]), clients[i].receive(200)); err != nil {
			return fmt.Errorf("waiter %d: %w", i, err)
		}
	}
	return nil
}

// settled returns the server's memory once it no longer grows.
func (s *server) settled() (int64, error) {
	var last int64
	for range 100 {
		time.Sleep(500 * time.Millisecond)
		now, err := s.resident()
		if err != nil || (now <= last && last > 0) {
			return last, err
		}
		last = now
	}
	return 0, errors.New("the memory keeps growing")
}
