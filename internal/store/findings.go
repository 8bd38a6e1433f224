package store

import (
	"fmt"
	"slices"
	"time"
)

// Level says how much a finding matters.
type Level int

// The levels.
const (
	OK      Level = iota
	Warning       // works, and promises less than it could
	Problem       // do not run on this
)

// String is how the level is shown.
func (l Level) String() string {
	switch l {
	case OK:
		return "ok"
	case Warning:
		return "warning"
	}
	return "problem"
}

// Finding is one thing that was looked at.
type Finding struct {
	Level   Level
	Subject string // a word or two, such as "version"
	Text    string // a sentence
}

// Worst is the highest level among findings.
func Worst(findings []Finding) Level {
	worst := OK
	for _, f := range findings {
		worst = max(worst, f.Level)
	}
	return worst
}

// Limits of a clock's difference.
const (
	clockWarning = time.Second
	clockProblem = 5 * time.Second
)

// Clock judges how far a server's clock is ahead of this machine's. The
// measurement may be wrong by uncertainty in either direction.
func Clock(ahead, uncertainty time.Duration) Finding {
	certain := max(0, ahead.Abs()-uncertainty)
	f := Finding{OK, "clock", fmt.Sprintf("the server's clock and this machine's differ by %s (± %s)", round(ahead.Abs()), round(uncertainty))}
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
	f := Finding{OK, "round trip", fmt.Sprintf("%s, at worst %s", round(median), round(worst))}
	if median > slowRoundTrip {
		f.Level = Warning
		f.Text += ": every deposit and claim waits for it at least once; run the store closer to the servers"
	}
	return f
}

const slowRoundTrip = 20 * time.Millisecond

func round(d time.Duration) time.Duration {
	if d < time.Millisecond {
		return d.Round(time.Microsecond)
	}
	return d.Round(10 * time.Microsecond)
}
