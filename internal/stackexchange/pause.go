package stackexchange

import (
	"encoding/json"
	"strconv"
	"sync"
	"time"
)

const maxPause = time.Hour

// pause is the time in which Stack Exchange wants no calls of one method.
type pause struct {
	mu    sync.Mutex
	until time.Time
}

// check returns a [*PausedError] while the pause lasts.
func (p *pause) check() error {
	if left := p.left(); left > 0 {
		return &PausedError{left}
	}
	return nil
}

func (p *pause) left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, time.Until(p.until))
}

// extend makes the pause last for at least d from now, and at most maxPause. It
// never shortens the pause: answers may come late.
func (p *pause) extend(d time.Duration) {
	if d <= 0 {
		return
	}
	until := time.Now().Add(min(d, maxPause))
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.until) {
		p.until = until
	}
}

// backoff reads the field of that name, in seconds; 0 if it is not a number.
func backoff(field json.RawMessage) time.Duration {
	seconds, _ := strconv.ParseFloat(string(field), 64) // ±Inf if out of range
	if !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, maxPause.Seconds()) * float64(time.Second))
}
