package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// Level says how much a finding matters.
type Level int

// The levels.
const (
	OK      Level = iota
	Warning       // works, and promises less than it could
	Problem       // do not run on this
)

// String returns the level as it is shown.
func (l Level) String() string { return [...]string{"ok", "warning", "problem"}[l] }

// Finding is the result of one inspection.
type Finding struct {
	Level   Level
	Subject string // a word or two, such as "version"
	Text    string // a sentence
}

// Finding returns a finding with a formatted text.
func (l Level) Finding(subject, format string, arguments ...any) Finding {
	return Finding{l, subject, fmt.Sprintf(format, arguments...)}
}

// Judge returns a finding of [OK] with the text good, or of level l with bad.
func (l Level) Judge(subject string, ok bool, good, bad string) Finding {
	if ok {
		return Finding{OK, subject, good}
	}
	return Finding{l, subject, bad}
}

// Worst returns the highest level among findings.
func Worst(findings []Finding) Level {
	worst := OK
	for _, f := range findings {
		worst = max(worst, f.Level)
	}
	return worst
}

// probes is how many round trips are timed.
const probes = 20

// Measure times round trips to an engine and compares its clock with this
// machine's, in the fastest one. ask returns the engine's time, or a zero time
// if the engine does not report it.
func Measure(ask func() (time.Time, error)) []Finding {
	var took []time.Duration
	var ahead, uncertainty time.Duration
	known := false
	for range probes {
		began := time.Now()
		theirs, err := ask()
		if err != nil {
			return []Finding{Problem.Finding("round trip", "fails: %v", err)}
		}
		trip := time.Since(began)
		if !theirs.IsZero() && (!known || trip/2 < uncertainty) {
			ahead, uncertainty, known = theirs.Sub(began.Add(trip/2)), trip/2, true
		}
		took = append(took, trip)
	}
	if !known {
		return []Finding{RoundTrips(took), Warning.Finding("clock",
			"the server does not report its time, so the clocks could not be compared; allow the user TIME")}
	}
	return []Finding{RoundTrips(took), Clock(ahead, uncertainty)}
}

const (
	// clockWarning and clockProblem are how much two clocks may differ.
	clockWarning, clockProblem = time.Second, 5 * time.Second
	// slowRoundTrip is the highest median of round trips without a warning.
	slowRoundTrip = 20 * time.Millisecond
)

// Clock judges how far a server's clock is ahead of this machine's, measured
// with an uncertainty in either direction.
func Clock(ahead, uncertainty time.Duration) Finding {
	certain := max(0, ahead.Abs()-uncertainty)
	f := OK.Finding("clock", "the server's clock and this machine's differ by %s (± %s)",
		round(ahead.Abs()), round(uncertainty))
	switch {
	case certain > clockProblem:
		f.Level = Problem
	case certain > clockWarning:
		f.Level = Warning
	default:
		return f
	}
	f.Text += ": entries would expire too early or too late; synchronize the clocks of all machines (NTP)"
	return f
}

// RoundTrips judges how long requests took.
func RoundTrips(took []time.Duration) Finding {
	sorted := slices.Sorted(slices.Values(took))
	median, worst := sorted[len(sorted)/2], sorted[len(sorted)-1]
	f := OK.Finding("round trip", "%s, at worst %s", round(median), round(worst))
	if median > slowRoundTrip {
		f.Level = Warning
		f.Text += ": every deposit and claim waits for it at least once; run the store closer to the servers"
	}
	return f
}

func round(d time.Duration) time.Duration {
	if d < time.Millisecond {
		return d.Round(time.Microsecond)
	}
	return d.Round(10 * time.Microsecond)
}

const (
	// exerciseLife is the life of an exercise's entry that is not taken.
	exerciseLife = time.Minute
	// wakeTime is how long a notification may take.
	wakeTime = 2 * time.Second
)

// Runner is an open store and its background work.
type Runner interface {
	sealed.Store
	Run(ctx context.Context) error
	Close() error
}

// Examine runs the store that was opened at a URL, asks it about itself with
// inspect and exercises it, and closes it. A store for one server has no
// inspect.
func Examine(ctx context.Context, url string, opened Runner, inspect func(context.Context) []Finding) []Finding {
	running, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { _ = opened.Run(running) })
	defer func() {
		stop()
		group.Wait()
		_ = opened.Close()
	}()
	findings := []Finding{{OK, "connection", "connected to " + Name(url)}}
	if inspect != nil {
		findings = append(findings, inspect(ctx)...)
	} else {
		findings = append(findings, Finding{OK, "servers",
			"this store is for one server: no other can use it at the same time"})
	}
	return append(findings, Exercise(ctx, opened)...)
}

// Unopened is the finding on a store that was not opened, because that would
// create or upgrade it: what a start would do.
func Unopened(what string) []Finding {
	return []Finding{{OK, "connection", what + "; nothing else was checked, as that would create it"}}
}

// Failed is what a check returns after an error from opening a store.
func Failed(err error) ([]Finding, error) {
	if _, ok := errors.AsType[URLError](err); ok {
		return nil, err
	}
	return []Finding{{Problem, "connection", err.Error()}}, nil
}

// Exercise does everything that a server does with a store, on an entry of
// its own, and times it. It stops at the first operation that fails.
func Exercise(ctx context.Context, store sealed.Store) (findings []Finding) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var id sealed.ID
	rand.Read(id[:])
	value, next := []byte("dss store check"), []byte("dss store check, replaced")
	var woken <-chan struct{}
	for _, step := range []struct {
		name string
		run  func() error
	}{
		{"watch", func() (err error) {
			woken, err = store.Watch(ctx, id)
			return err
		}},
		{"create", func() error {
			created, err := store.Create(ctx, id, value, exerciseLife)
			return expect(created, err, "a new entry was not stored")
		}},
		{"wake", func() error { return awaitWake(ctx, woken) }},
		{"get", func() error {
			got, ok, err := store.Get(ctx, id)
			return expect(ok && bytes.Equal(got, value), err, "what was stored did not come back")
		}},
		{"replace", func() error {
			replaced, err := store.Replace(ctx, id, value, next, exerciseLife)
			return expect(replaced, err, "an entry was not replaced")
		}},
		{"take", func() error {
			got, ok, err := store.Take(ctx, id)
			if err := expect(ok && bytes.Equal(got, next), err, "an entry was not taken"); err != nil {
				return err
			}
			_, again, err := store.Take(ctx, id)
			return expect(!again, err, "an entry was taken twice")
		}},
	} {
		began := time.Now()
		if err := step.run(); err != nil {
			return append(findings, Problem.Finding(step.name, "failed: %v", err))
		}
		findings = append(findings, OK.Finding(step.name, "works, %s", round(time.Since(began))))
	}
	return findings
}

func awaitWake(ctx context.Context, woken <-chan struct{}) error {
	select {
	case <-woken:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(wakeTime):
		return errors.New("no notification came: apps that wait would get their answers up to ten seconds late; " +
			"let the user publish and subscribe, and connect without a pooler in between")
	}
}

func expect(ok bool, err error, otherwise string) error {
	if err == nil && !ok {
		return errors.New(otherwise)
	}
	return err
}
