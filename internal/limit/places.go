package limit

import (
	"net/netip"
	"time"
)

// placeRetry is how soon somebody may hope that a place of the same client is
// free again.
const placeRetry = 5 * time.Second

// Wait counts a client's claim as waiting until done is called.
func (l *Limiter) Wait(address netip.Addr) (done func(), err error) {
	if l == nil {
		return func() {}, nil
	}
	return l.occupy(address, Waiters, l.config.Waiters, func(c *client) *int32 { return &c.waiters })
}

// connect counts a client's connection as open until done is called.
func (l *Limiter) connect(address netip.Addr) (done func(), err error) {
	if l == nil {
		return func() {}, nil
	}
	return l.occupy(address, Connections, l.config.Connections, func(c *client) *int32 { return &c.conns })
}

// occupy takes one of the places that taken counts, of which each client has
// limit; 0 is no limit.
func (l *Limiter) occupy(address netip.Addr, name string, limit int, taken func(*client) *int32) (done func(), err error) {
	if limit <= 0 {
		return func() {}, nil
	}
	n := networkOf(address)
	shard, c := l.table.lock(n)
	allowed := *taken(c) < int32(limit)
	if allowed {
		*taken(c)++
	}
	shard.mu.Unlock()
	if !allowed {
		return nil, l.refused(name, placeRetry)
	}
	return func() {
		shard, c := l.table.lock(n)
		*taken(c) = max(0, *taken(c)-1) // the client may have been forgotten meanwhile
		shard.mu.Unlock()
	}, nil
}
