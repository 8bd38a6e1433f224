package stackexchange

import (
	"encoding/json"
	"strconv"
	"sync"
	"time"
)

const maxPause = time.Hour

// pause is the time in which the API wants no calls. A nil one never is
// active.
type pause struct {
	mu    sync.Mutex
	until time.Time
}

func (p *pause) active() bool { return p.left() > 0 }

func (p *pause) left() time.Duration {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, time.Until(p.until))
}

// extend honours a backoff field, in seconds. What is no number is no
// backoff. An answer that comes late cannot shorten the pause.
func (p *pause) extend(backoff json.RawMessage) {
	seconds, _ := strconv.ParseFloat(string(backoff), 64) // ±Inf if out of range
	if p == nil || !(seconds > 0) {
		return
	}
	until := time.Now().Add(time.Duration(min(seconds, maxPause.Seconds()) * float64(time.Second)))
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.until) {
		p.until = until
	}
}
