package oauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

const (
	tolerance = 500 * time.Millisecond
	penalty   = 5 * time.Second
	// forgetAfter is longer than any poll has to wait.
	forgetAfter = time.Minute
)

// pacer judges how often devices poll (RFC 8628 section 3.5).
type pacer interface {
	// inTime reports whether a poll of the device with a session under state
	// comes in time.
	inTime(ctx context.Context, state string, basic bool, now time.Time) (bool, error)
	// size returns what a store counts for the clock of a device.
	size() int
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

// poll reports whether a poll comes in time. A poll that is too early does
// not move the clock, and the penalty is added once, so a device that slows
// down is never punished again.
//
// Some clients send every poll twice, with HTTP Basic authentication and then,
// because that failed, without: the second is part of the first.
func (c *clock) poll(basic bool, now time.Time) bool {
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
	clocks map[[sha256.Size]byte]*clock
	swept  time.Time
}

func (p *pace) inTime(_ context.Context, state string, basic bool, now time.Time) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := sha256.Sum256([]byte(state))
	if c, ok := p.clocks[id]; ok {
		return c.poll(basic, now), nil
	}
	if now.Sub(p.swept) > forgetAfter || p.clocks == nil {
		p.sweep(now)
	}
	c := newClock(basic, now)
	p.clocks[id] = &c
	return true, nil
}

func (*pace) size() int { return 0 }

// sweep forgets devices that have stopped polling. What is left is bounded by
// the number of live sessions, since only those have a clock.
func (p *pace) sweep(now time.Time) {
	if p.clocks == nil {
		p.clocks = map[[sha256.Size]byte]*clock{}
	}
	for id, c := range p.clocks {
		if now.Sub(c.Last) > forgetAfter {
			delete(p.clocks, id)
		}
	}
	p.swept = now
}

// sharedPace keeps the clocks in the store, for servers that share one: a
// device may poll any of them. If the store is full, each server keeps its own.
type sharedPace struct {
	clocks sealed.Records[clock]
	own    *pace
}

func newSharedPace(vault *sealed.Vault) sharedPace {
	return sharedPace{sealed.NewRecords(vault, clock.pack, unpackClock), &pace{}}
}

func (p sharedPace) inTime(ctx context.Context, state string, basic bool, now time.Time) (bool, error) {
	at := sealed.NewSlot(underPace, secret.New(state))
	inTime := true
	_, err := p.clocks.Update(ctx, at, func(rec *sealed.Record[clock]) error {
		if rec.Found {
			inTime = rec.Value.poll(basic, now)
		} else {
			inTime, rec.Value = true, newClock(basic, now)
		}
		rec.Expires = now.Add(forgetAfter)
		return nil
	})
	if errors.Is(err, sealed.ErrFull) {
		return p.own.inTime(ctx, state, basic, now)
	}
	return inTime && err == nil, err
}

func (p sharedPace) size() int { return p.clocks.Size(clock{}) }

func (c clock) pack() []byte {
	out := sealed.AppendTime(sealed.AppendTime([]byte{version}, c.Accepted), c.Last)
	for _, b := range []bool{c.Basic, c.Verdict, c.Raised} {
		out = sealed.AppendBool(out, b)
	}
	return out
}

func unpackClock(in []byte) (c clock, err error) {
	r := newReader(in)
	c.Accepted, c.Last = r.Time(), r.Time()
	c.Basic, c.Verdict, c.Raised = r.Bool(), r.Bool(), r.Bool()
	return c, r.End()
}
