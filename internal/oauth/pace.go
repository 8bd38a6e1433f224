package oauth

import (
	"context"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

const (
	tolerance = 500 * time.Millisecond
	penalty   = 5 * time.Second
	// forgetAfter is longer than any poll has to wait.
	forgetAfter = time.Minute
)

// pacer judges how often devices poll (RFC 8628 section 3.5).
type pacer interface {
	// admit reports whether a poll of the device with a session under state,
	// which is stored under id, comes in time.
	admit(ctx context.Context, id sealed.ID, state string, basic bool, now time.Time) (bool, error)
}

// clock is the polling of one device.
type clock struct {
	Accepted time.Time // the last poll in time
	Last     time.Time // the last poll
	Basic    bool      // it came with HTTP Basic authentication
	Verdict  bool
	Raised   bool // it was too early, so the next may come only after the penalty
}

func newClock(basic bool, now time.Time) clock {
	return clock{Accepted: now, Last: now, Basic: basic, Verdict: true}
}

// admit reports whether a poll comes in time. A poll that is too early does
// not move the clock, and the penalty is added once, so a device that slows
// down is never punished again.
//
// Some clients send every poll twice, with HTTP Basic authentication and then,
// because that failed, without: the second is part of the first.
func (c *clock) admit(basic bool, now time.Time) bool {
	if c.Basic && !basic && now.Sub(c.Last) < Interval {
		c.Basic = false
		return c.Verdict
	}
	interval := Interval
	if c.Raised {
		interval += penalty
	}
	c.Last, c.Basic = now, basic
	c.Verdict = now.Sub(c.Accepted) >= interval-tolerance
	c.Raised = !c.Verdict
	if c.Verdict {
		c.Accepted = now
	}
	return c.Verdict
}

// pace is for a server that has its store to itself. It forgets on a restart,
// to the advantage of the devices.
type pace struct {
	mu     sync.Mutex
	clocks map[sealed.ID]*clock
	swept  time.Time
}

func (p *pace) admit(_ context.Context, id sealed.ID, _ string, basic bool, now time.Time) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, ok := p.clocks[id]; ok {
		return c.admit(basic, now), nil
	}
	p.start(id, basic, now)
	return true, nil
}

func (p *pace) start(id sealed.ID, basic bool, now time.Time) {
	if now.Sub(p.swept) > forgetAfter || p.clocks == nil {
		p.sweep(now)
	}
	c := newClock(basic, now)
	p.clocks[id] = &c
}

// sweep forgets devices that have stopped polling. What is left is bounded by
// the number of live sessions, since only those have a clock.
func (p *pace) sweep(now time.Time) {
	if p.clocks == nil {
		p.clocks = map[sealed.ID]*clock{}
	}
	for id, c := range p.clocks {
		if now.Sub(c.Last) > forgetAfter {
			delete(p.clocks, id)
		}
	}
	p.swept = now
}
