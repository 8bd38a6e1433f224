package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

const growthClients = 64

// measureGrowth prints how many claims a server answers while it holds ever
// more entries that nobody claims.
func measureGrowth(out io.Writer, s settings) error {
	s.flags = []string{"--ttl", "6h", "--max-entries", "4000000"}
	fmt.Fprint(out, "\n### Claims per second with many live entries\n\n| store |")
	for _, n := range s.levels {
		fmt.Fprintf(out, " %d |", n)
	}
	fmt.Fprint(out, " the last of the first |\n|---|")
	for range len(s.levels) + 1 {
		fmt.Fprint(out, "--:|")
	}
	fmt.Fprintln(out)
	for _, what := range s.chosen(redis, postgres, memory, sqlite) {
		if err := s.growOne(out, what); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

func (s settings) growOne(out io.Writer, what subject) (err error) {
	one, err := s.start(what)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, one.stop()) }()
	live := 0
	var rates []float64
	for _, level := range s.levels {
		fill := one.fill
		if one.engine != nil {
			fill = one.fillDirect
		}
		if err := fill(level - live); err != nil {
			return err
		}
		live = level
		rate, err := one.claimRate(s.rounds, s.claims)
		if err != nil {
			return err
		}
		rates = append(rates, rate)
	}
	fmt.Fprintf(out, "| %s |", what)
	for _, rate := range rates {
		fmt.Fprintf(out, " %.0f |", rate)
	}
	fmt.Fprintf(out, " %.2f |\n", last(rates)/rates[0])
	return nil
}

// fill makes n deposits that nobody claims.
func (s *server) fill(n int) error {
	return s.together(func(i int, c *client) error {
		for range n / growthClients {
			if err := c.deposit(c.newKey()); err != nil {
				return err
			}
		}
		return nil
	})
}

// claimRate deposits, and then times the claims of what was deposited, so many of
// each client; it returns the median of the rounds' claims per second.
func (s *server) claimRate(rounds, each int) (float64, error) {
	var rates []float64
	for range rounds {
		keys := make([][]string, growthClients)
		err := s.together(func(i int, c *client) error {
			for range each {
				key := c.newKey()
				keys[i] = append(keys[i], key)
				if err := c.deposit(key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		began := time.Now()
		err = s.together(func(i int, c *client) error {
			for _, key := range keys[i] {
				if err := c.claim(key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		rates = append(rates, float64(growthClients*each)/time.Since(began).Seconds())
	}
	return median(rates), nil
}

// together has every client do something at the same time.
func (s *server) together(do func(i int, c *client) error) error {
	var group sync.WaitGroup
	failed := make([]error, growthClients)
	for i := range failed {
		c, err := dial(s.address)
		if err != nil {
			failed[i] = err
			break
		}
		group.Go(func() {
			defer c.close()
			failed[i] = do(i, c)
		})
	}
	group.Wait()
	return errors.Join(failed...)
}
