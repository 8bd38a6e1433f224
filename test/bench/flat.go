package main

import (
	"errors"
	"fmt"
	"io"
)

// measureFlat prints a server's memory while deposits and their claims pass through:
// after a tenth of them, by when it has what it needs to serve, half, and all.
func measureFlat(out io.Writer, s settings) error {
	fmt.Fprintf(out, "\n### Memory over %d deposits, each claimed\n\n"+
		"| server | idle | after a tenth | after half | after all |\n|---|--:|--:|--:|--:|\n", s.pairs)
	for _, what := range s.chosen(bare, memory, sqlite) {
		resident, err := s.residentOver(what)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		fmt.Fprintf(out, "| %s |", what)
		for _, bytes := range resident {
			fmt.Fprintf(out, " %s |", megabytes(bytes))
		}
		fmt.Fprintln(out)
	}
	return nil
}

// residentOver returns the memory of a server when idle, and after a tenth, half and
// all of the pairs.
func (s settings) residentOver(what subject) (resident []int64, err error) {
	one, err := s.start(what)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, one.stop()) }()
	done := 0
	for _, until := range []int{0, s.pairs / 10, s.pairs / 2, s.pairs} {
		if err := one.pass(until - done); err != nil {
			return nil, err
		}
		done = until
		memory, err := one.resident()
		if err != nil {
			return nil, err
		}
		resident = append(resident, memory)
	}
	return resident, nil
}

// pass makes n deposits and claims each.
func (s *server) pass(n int) error {
	return s.together(func(i int, c *client) error {
		for range n / growthClients {
			key := c.newKey()
			if err := errors.Join(c.deposit(key), c.claim(key)); err != nil {
				return err
			}
		}
		return nil
	})
}
