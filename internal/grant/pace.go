package grant

import (
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/internal/relay"
)

const (
	tolerance = 500 * time.Millisecond
	penalty   = 5 * time.Second
	// forgetAfter is longer than any poll has to wait.
	forgetAfter = time.Minute
)

// pace judges how often devices poll (RFC 8628 section 3.5). It forgets on a
// restart, to the advantage of the devices.
type pace struct {
	mu     sync.Mutex
	clocks map[relay.ID]*clock
	swept  time.Time
}

// clock is the polling of one device.
type clock struct {
	accepted time.Time // the last poll in time
	last     time.Time // the last poll
	basic    bool      // it came with HTTP Basic authentication
	verdict  bool
	raised   bool // it was too early, so the next may come only after the penalty
}

// admit reports whether a poll comes in time. A poll that is too early does
// not move the clock, and the penalty is added once, so a device that slows
// down is never punished again.
//
// Some clients send every poll twice, with HTTP Basic authentication and then,
// because that failed, without: the second is part of the first.
func (p *pace) admit(id relay.ID, basic bool, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.clocks[id]
	if !ok {
		p.start(id, basic, now)
		return true
	}
	if c.basic && !basic && now.Sub(c.last) < Interval {
		c.basic = false
		return c.verdict
	}
	interval := Interval
	if c.raised {
		interval += penalty
	}
	c.last, c.basic = now, basic
	c.verdict = now.Sub(c.accepted) >= interval-tolerance
	c.raised = !c.verdict
	if c.verdict {
		c.accepted = now
	}
	return c.verdict
}

func (p *pace) start(id relay.ID, basic bool, now time.Time) {
	if now.Sub(p.swept) > forgetAfter || p.clocks == nil {
		p.sweep(now)
	}
	p.clocks[id] = &clock{accepted: now, last: now, basic: basic, verdict: true}
}

// sweep forgets devices that have stopped polling. What is left is bounded by
// the number of live sessions, since only those have a clock.
func (p *pace) sweep(now time.Time) {
	if p.clocks == nil {
		p.clocks = map[relay.ID]*clock{}
	}
	for id, c := range p.clocks {
		if now.Sub(c.last) > forgetAfter {
			delete(p.clocks, id)
		}
	}
	p.swept = now
}
