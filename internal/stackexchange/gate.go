package stackexchange

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// callsPerSecond is how many calls begin in any second at most, one after
	// another. Stack Exchange drops the requests of an address that sends more
	// than 30 in a second, and bans it for up to minutes. A third is left for
	// calls that arrive closer together than they were sent, and for other
	// programs at the address.
	callsPerSecond = 20
	// spacing is the time between the beginnings of two calls.
	spacing = time.Second / callsPerSecond
	// maxCalls is how many are under way at most.
	maxCalls = 64
	// maxWaiting is how many wait for their turn at most: those that begin in
	// half of callTime, so that each has the other half for its answer.
	maxWaiting = callsPerSecond * int(callTime/time.Second) / 2
)

// gate lets calls begin, within the bounds above. Calls that have to wait queue
// in one line for each caller, and callers take turns. When too many wait, the
// last of the longest line is refused, so that callers with many calls delay
// each other before they delay the rest.
type gate struct {
	local bool // no rate, and any number may wait

	mu      sync.Mutex
	began   time.Time   // the last call
	calls   int         // under way
	lines   []*line     // none is empty; the first is next
	waiting int         // in all lines
	wake    *time.Timer // nil unless a call waits for the rate
}

// line is where the calls of one caller wait.
type line struct {
	caller netip.Prefix
	places []chan error
}

// enter waits until a call may begin. Call leave afterwards, unless there is an
// error, which is an [ErrUnsent].
func (g *gate) enter(ctx context.Context, caller netip.Prefix) error {
	place := make(chan error, 1)
	g.mu.Lock()
	g.join(caller, place)
	g.start()
	g.mu.Unlock()
	select {
	case err := <-place:
		return err
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.quit(caller, place) && <-place == nil { // it may begin
		g.calls--
		g.start()
	}
	return fmt.Errorf("%w: %w", ctx.Err(), ErrUnsent)
}

// leave ends a call.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls--
	g.start()
}

// again waits until the rate lets a call that has begun send once more.
func (g *gate) again(ctx context.Context) {
	for {
		g.mu.Lock()
		wait := g.untilNext()
		if wait == 0 {
			g.began = time.Now()
		}
		g.mu.Unlock()
		if wait == 0 {
			return
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// untilNext is how long the rate lets no call begin.
func (g *gate) untilNext() time.Duration {
	if g.local {
		return 0
	}
	return max(0, spacing-time.Since(g.began))
}

// start lets all calls begin that may by now.
func (g *gate) start() {
	for g.waiting > 0 && g.calls < maxCalls {
		if wait := g.untilNext(); wait > 0 {
			g.wakeAfter(wait)
			return
		}
		first := g.lines[0]
		first.places[0] <- nil
		first.places = first.places[1:]
		g.waiting--
		g.lines = g.lines[1:]
		if len(first.places) > 0 {
			g.lines = append(g.lines, first)
		}
		g.began = time.Now()
		g.calls++
	}
}

func (g *gate) wakeAfter(wait time.Duration) {
	if g.wake != nil {
		return
	}
	g.wake = time.AfterFunc(wait, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.wake = nil
		g.start()
	})
}

// join appends place to its caller's line. If too many wait, it refuses place or
// another.
func (g *gate) join(caller netip.Prefix, place chan error) {
	own := g.lineOf(caller)
	if own == nil {
		own = &line{caller: caller}
	}
	if g.waiting >= maxWaiting && !g.local {
		longest := slices.MaxFunc(g.lines, func(a, b *line) int { return len(a.places) - len(b.places) })
		last := len(longest.places) - 1
		if last <= len(own.places) {
			place <- errBusy
			return
		}
		longest.places[last] <- errBusy
		longest.places = longest.places[:last]
		g.waiting--
	}
	if len(own.places) == 0 {
		g.lines = append(g.lines, own)
	}
	own.places = append(own.places, place)
	g.waiting++
}

// lineOf returns nil for a caller without calls that wait.
func (g *gate) lineOf(caller netip.Prefix) *line {
	i := slices.IndexFunc(g.lines, func(l *line) bool { return l.caller == caller })
	if i < 0 {
		return nil
	}
	return g.lines[i]
}

// quit removes place from its caller's line. It reports false if it is not there
// any more.
func (g *gate) quit(caller netip.Prefix, place chan error) bool {
	l := g.lineOf(caller)
	if l == nil {
		return false
	}
	i := slices.Index(l.places, place)
	if i < 0 {
		return false
	}
	l.places = slices.Delete(l.places, i, i+1)
	g.waiting--
	if len(l.places) == 0 {
		g.lines = slices.DeleteFunc(g.lines, func(other *line) bool { return other == l })
	}
	return true
}
