package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

const (
	// countEvery is how often the live entries are counted, at most.
	countEvery = time.Second
	// countShare bounds the share of the time that is spent counting.
	countShare = 100
	// refuseFor is how long a full store is refused before it is counted again,
	// and refuseShare bounds the share of the time that this takes. One more count
	// follows each of [Gauge.Run]'s that changes have disturbed.
	refuseFor   = 100 * time.Millisecond
	refuseShare = 10
	// countTime bounds a count.
	countTime = 30 * time.Second
)

// Totals is what a store holds.
type Totals struct {
	Entries int64
	Bytes   int64 // of values
}

// Gauge estimates what a store holds: what was there at the last count, and what
// this server has changed since. It counts again before it refuses anything.
// Several servers may exceed the limits by what they store between two counts. It
// is safe for concurrent use.
//
// A change calls Begin, Add and End, because a count may or may not include what
// changes meanwhile.
type Gauge struct {
	limits Limits
	count  func(context.Context) (Totals, error)
	now    func() time.Time

	counting  chan struct{} // holds a token during a count; guards the next three
	counted   time.Time
	took      time.Duration // by the last count
	disturbed bool          // the last count was by Run, and changes went on during it

	mu       sync.Mutex
	totals   Totals
	changes  Totals // since the count under way has begun
	ended    int    // changes since then
	underWay int    // changes
}

// NewGauge returns a gauge for a store that count counts. It is empty before the
// first count.
func NewGauge(limits Limits, count func(context.Context) (Totals, error), now func() time.Time) *Gauge {
	return &Gauge{limits: limits, count: count, now: now, counting: make(chan struct{}, 1)}
}

// Allow returns [sealed.ErrFull] if another entry with a value of bytes does not
// fit within limits, or the count's error.
func (g *Gauge) Allow(ctx context.Context, bytes int, limits Limits) error {
	return g.check(ctx, func(t Totals) bool { return limits.Allow(t.Entries+1, t.Bytes+int64(bytes)) })
}

// AllowGrowth does the same for an entry that is to have a value of more bytes than
// before. One that does not grow always fits.
func (g *Gauge) AllowGrowth(ctx context.Context, more int) error {
	if more <= 0 {
		return nil
	}
	return g.check(ctx, func(t Totals) bool { return g.limits.Allow(t.Entries, t.Bytes+int64(more)) })
}

func (g *Gauge) check(ctx context.Context, fits func(Totals) bool) error {
	if fits(g.Totals()) {
		return nil
	}
	if err := g.recount(ctx, refuseFor); err != nil {
		return err
	}
	if !fits(g.Totals()) {
		return sealed.ErrFull
	}
	return nil
}

// Refused returns the error of a Create that Allow has refused for a reason: none
// if the store is full and the id is taken, because that needs no room.
func Refused(ctx context.Context, s sealed.Store, id sealed.ID, reason error) error {
	if errors.Is(reason, sealed.ErrFull) {
		if _, taken, err := s.Get(ctx, id); err == nil && taken {
			return nil
		}
	}
	return reason
}

// Begin announces a change.
func (g *Gauge) Begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.underWay++
}

// End ends a change, whatever became of it.
func (g *Gauge) End() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.underWay--
	g.ended++
}

// Add records a change. Numbers are negative for what was removed.
func (g *Gauge) Add(entries, bytes int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.totals.add(int64(entries), int64(bytes))
	g.changes.add(int64(entries), int64(bytes))
}

// Totals returns the estimate.
func (g *Gauge) Totals() Totals {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.totals
}

// Usage returns the estimate as the limits count it.
func (g *Gauge) Usage() (entries, bytes int64) {
	t := g.Totals()
	return t.Entries, Size(t.Entries, t.Bytes)
}

// Run counts from time to time until ctx ends. It ignores errors and counts again
// later.
func (g *Gauge) Run(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		_ = g.recount(ctx, 0)
		select {
		case <-ctx.Done():
		case <-time.After(max(countEvery, countShare*time.Since(began))):
		}
	}
}

// recount counts, unless the last count is less than fresh ago and undisturbed. It
// adds what changes meanwhile to the result, which may count it twice until the
// next count.
func (g *Gauge) recount(ctx context.Context, fresh time.Duration) error {
	select {
	case g.counting <- struct{}{}:
		defer func() { <-g.counting }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	recent := !g.counted.IsZero() && g.now().Sub(g.counted) < max(fresh, refuseShare*g.took)
	if fresh > 0 && recent && !g.disturbed {
		return nil
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, countTime)
	defer cancel()
	g.mu.Lock()
	g.changes, g.ended = Totals{}, 0
	g.mu.Unlock()
	totals, err := g.count(ctx)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.totals = totals
	g.totals.add(max(0, g.changes.Entries), max(0, g.changes.Bytes))
	g.counted, g.took = g.now(), time.Since(began)
	g.disturbed = fresh == 0 && g.ended+g.underWay > 0
	return nil
}

func (t *Totals) add(entries, bytes int64) {
	t.Entries = max(0, t.Entries+entries)
	t.Bytes = max(0, t.Bytes+bytes)
}
