package main

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// starts is how often each server is started per round.
const starts = 5

// measureStart prints how long a server takes from its start to accepting
// connections, and what memory it has then.
func measureStart(out io.Writer, s settings) error {
	fmt.Fprint(out, "\n### Start, and memory when idle\n\n| server | to ready, median | slowest | memory |\n|---|--:|--:|--:|\n")
	for _, what := range s.chosen(bare, memory, sqlite) {
		var took []time.Duration
		var most int64
		for range s.rounds * starts {
			ready, memory, err := s.startOnce(what)
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			took, most = append(took, ready), max(most, memory)
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s |\n", what, short(quantile(took, 0.5)), short(quantile(took, 1)), megabytes(most))
	}
	return nil
}

func (s settings) startOnce(what subject) (ready time.Duration, memory int64, err error) {
	one, err := s.start(what)
	if err != nil {
		return 0, 0, err
	}
	time.Sleep(100 * time.Millisecond) // for what it does after its first line
	memory, err = one.resident()
	return one.ready, memory, errors.Join(err, one.kill())
}
