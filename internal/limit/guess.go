package limit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// Guess is an attempt to find something that only its owner should be able to find.
// It is paid for in advance, so that many guesses at once are no more than the limit
// allows; a right guess is paid back. A client that has reached its own limit may
// not guess any more. The limit of all clients together refuses only wrong guesses:
// otherwise a few clients could block all others.
//
// A nil Guess is one for which nothing was paid.
type Guess struct {
	limiter *Limiter
	kind    kind
	network network
	hash    uint64        // of an unknown key
	over    time.Duration // how long all clients together have to wait; 0 if this guess is within their limit
}

// Key starts a guess at a key of a key space. A client pays once for a key under
// which it finds nothing, however often it asks.
func (l *Limiter) Key(address netip.Addr, space, key string) (*Guess, error) {
	if l == nil {
		return nil, nil
	}
	n := networkOf(address)
	hash := l.recent.hash(n, space, key)
	if l.recent.has(hash) {
		return nil, nil
	}
	return l.guess(n, unknownKeys, hash)
}

// UserCode starts a guess at a user code.
func (l *Limiter) UserCode(address netip.Addr) (*Guess, error) {
	if l == nil {
		return nil, nil
	}
	return l.guess(networkOf(address), userCodes, 0)
}

// guess pays for a guess.
func (l *Limiter) guess(n network, k kind, hash uint64) (*Guess, error) {
	now := l.now()
	shard, c := l.table.lock(n)
	wait := c.takeOwn(l.buckets[k], k, now)
	shard.mu.Unlock()
	if wait > 0 {
		return nil, l.refused(kindNames[k], wait)
	}
	return &Guess{l, k, n, hash, l.totals[k].take(now)}, nil
}

// Hit ends a guess that was right, or of which the client has learned nothing.
func (g *Guess) Hit() {
	if g == nil {
		return
	}
	l := g.limiter
	shard, c := l.table.lock(g.network)
	l.buckets[g.kind].giveBack(&c.levels[g.kind])
	shard.mu.Unlock()
	if g.over == 0 {
		l.totals[g.kind].giveBack()
	}
}

// Miss ends a guess that was wrong. refused is an [*Exceeded] if all clients
// together had been wrong as often as they may. Where servers share a store it
// is counted there; err is the store's, and changes nothing for the client.
func (g *Guess) Miss(ctx context.Context) (refused, err error) {
	if g == nil {
		return nil, nil
	}
	l := g.limiter
	refused = l.refused(kindNames[g.kind]+totalSuffix, g.over)
	if g.kind == unknownKeys {
		l.recent.add(g.hash)
	}
	if l.shared == nil {
		return refused, nil
	}
	limit := l.config.limits()[g.kind]
	err = g.countClient(ctx, limit.Client)
	if refused == nil {
		err = errors.Join(err, g.countTotal(ctx, limit.Total))
	}
	return refused, err
}

// countClient counts the client's misses, and blocks it if they are more than all
// servers together allow.
func (g *Guess) countClient(ctx context.Context, rate Rate) error {
	l := g.limiter
	if rate.N == 0 {
		return nil
	}
	shard, c := l.table.lock(g.network)
	c.pending[g.kind]++
	missed := int64(c.pending[g.kind])
	if missed >= batch(rate) {
		c.pending[g.kind] = 0
	}
	shard.mu.Unlock()
	if missed < batch(rate) {
		return nil
	}
	count, left, err := l.shared.add(ctx, kindNames[g.kind], g.network, rate.Per, missed)
	if err != nil || count < rate.N {
		return err
	}
	shard, c = l.table.lock(g.network)
	c.blocked[g.kind] = l.now() + int64(left)
	shard.mu.Unlock()
	return nil
}

// countTotal does the same for all clients.
func (g *Guess) countTotal(ctx context.Context, rate Rate) error {
	all := &g.limiter.totals[g.kind]
	if rate.N == 0 || all.pending.Add(1) < batch(rate) {
		return nil
	}
	missed := all.pending.Swap(0)
	if missed == 0 {
		return nil // another request has counted it
	}
	count, left, err := g.limiter.shared.add(ctx, kindNames[g.kind]+totalSuffix, network{}, rate.Per, missed)
	if err != nil || count < rate.N {
		return err
	}
	all.blocked.Store(g.limiter.now() + int64(left))
	return nil
}

// batch is how many misses are counted in the store at a time. Each server may go
// beyond the limit by as many.
func batch(rate Rate) int64 { return max(1, rate.N/64) }

// counter counts in a store that several servers share. A count belongs to a
// limit, a client and a stretch of time, which begins at the same moment on all
// servers; it expires with that.
type counter struct{ counts sealed.Records[int64] }

func newCounter(vault *sealed.Vault) *counter {
	if vault == nil {
		return nil
	}
	return &counter{sealed.NewRecords(vault, packCount, unpackCount)}
}

func packCount(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func unpackCount(in []byte) (int64, error) {
	if len(in) != 8 {
		return 0, errors.New("not a count")
	}
	return int64(binary.BigEndian.Uint64(in)), nil
}

// add adds n and returns the count, and how long until it starts anew.
func (c counter) add(
	ctx context.Context, name string, of network, per time.Duration, n int64,
) (count int64, left time.Duration, err error) {
	// The guess counts even if the client leaves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	now := time.Now()
	stretch := now.UnixNano() / int64(per)
	ends := time.Unix(0, (stretch+1)*int64(per))
	at := sealed.NewSlot("limit "+name, secret.New(fmt.Sprintf("%x %t %d", of.bits, of.six, stretch)))
	rec, err := c.counts.Update(ctx, at, func(rec *sealed.Record[int64]) error {
		rec.Value, rec.Expires = rec.Value+n, ends
		return nil
	})
	return rec.Value, ends.Sub(now), err
}
