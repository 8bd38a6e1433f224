package limit

import "net/netip"

// MayRedeem reports whether Stack Exchange may be asked to redeem a code for a
// client: not if it has refused too many.
func (l *Limiter) MayRedeem(address netip.Addr) error { return l.mayAsk(address, redemptions) }

// RedeemedInVain counts a code that Stack Exchange has refused.
func (l *Limiter) RedeemedInVain(address netip.Addr) { l.inVain(address, redemptions) }

// MayRevoke reports whether Stack Exchange may be asked to end a token for a
// client: not if too many were unknown to it.
func (l *Limiter) MayRevoke(address netip.Addr) error { return l.mayAsk(address, revocations) }

// RevokedInVain counts a token that Stack Exchange does not know.
func (l *Limiter) RevokedInVain(address netip.Addr) { l.inVain(address, revocations) }

// mayAsk counts nothing, since only the answer tells whether it was in vain:
// what is under way by then may go beyond the limit.
func (l *Limiter) mayAsk(address netip.Addr, k kind) error {
	if l == nil {
		return nil
	}
	shard, c := l.table.lock(networkOf(address))
	_, wait := l.buckets[k].next(c.levels[k], l.now())
	shard.mu.Unlock()
	return l.refused(kindNames[k], wait)
}

func (l *Limiter) inVain(address netip.Addr, k kind) {
	if l == nil {
		return
	}
	shard, c := l.table.lock(networkOf(address))
	c.levels[k], _ = l.buckets[k].next(c.levels[k], l.now())
	shard.mu.Unlock()
}
