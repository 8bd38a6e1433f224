package stackexchange

import (
	"encoding/json"
	"net/http"
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

// extend lets the pause last for d from now at least, and for maxPause at
// most: an answer that comes late cannot shorten it.
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

// backoff reads the field of that name, in seconds. What is no number is none.
func backoff(field json.RawMessage) time.Duration {
	seconds, _ := strconv.ParseFloat(string(field), 64) // ±Inf if out of range
	if !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, maxPause.Seconds()) * float64(time.Second))
}

// retryAfter reads the Retry-After of an answer that is no success (RFC 9110
// section 10.2.3): seconds, or a date.
func retryAfter(response *http.Response) time.Duration {
	text := response.Header.Get("Retry-After")
	if response.StatusCode < 300 || text == "" {
		return 0
	}
	if date, err := http.ParseTime(text); err == nil {
		return time.Until(date)
	}
	seconds, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(min(seconds, uint64(maxPause/time.Second))) * time.Second
}
