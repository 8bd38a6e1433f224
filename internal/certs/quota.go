package certs

import (
	"sync"
	"time"
)

const week = 7 * 24 * time.Hour

// quota bounds how many new names get a certificate: so many in any week, a
// quarter of them at once.
type quota struct {
	mu   sync.Mutex
	week int
	left float64
	at   time.Time
}

func newQuota(week int) *quota { return &quota{week: week, left: burst(week), at: time.Now()} }

func burst(week int) float64 { return max(float64(week)/4, 1) }

// take takes one, and reports false if there is none.
func (q *quota) take() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	now, most := time.Now(), burst(q.week)
	grown := (float64(q.week) - most) * now.Sub(q.at).Seconds() / week.Seconds()
	q.left, q.at = min(q.left+grown, most), now
	if q.left < 1 {
		return false
	}
	q.left--
	return true
}
