package redis

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/desktop-stack-serv/dss/internal/store"
)

const (
	// bucket is the span of expiries that one field of a shard's hash counts,
	// and bytesBits where in it the number of entries begins, as in scripts.lua.
	bucket    = 15 * time.Second
	bytesBits = 40
	// forget is how long after its end a bucket is removed: other servers'
	// clocks may be behind.
	forget = time.Minute
)

// count adds up what the shards hold. Entries in the last seconds of their
// lives are no longer counted.
func (s *Store) count(ctx context.Context) (store.Totals, error) {
	commands := make(rueidis.Commands, shards)
	for shard := range commands {
		commands[shard] = s.client.B().Hgetall().Key(s.names.usage(byte(shard))).Build()
	}
	var totals store.Totals
	var sweeps rueidis.Commands
	now := s.now()
	for shard, result := range s.client.DoMulti(ctx, commands...) {
		buckets, err := result.AsIntMap()
		if err != nil {
			return store.Totals{}, explain(err)
		}
		past := add(&totals, buckets, now)
		if len(past) > 0 {
			sweeps = append(sweeps, s.client.B().Hdel().Key(s.names.usage(byte(shard))).Field(past...).Build())
		}
	}
	for _, result := range s.client.DoMulti(ctx, sweeps...) {
		if err := result.Error(); err != nil {
			return store.Totals{}, explain(err)
		}
	}
	return totals, nil
}

// add adds a shard's buckets to totals and returns those that are long past.
func add(totals *store.Totals, buckets map[string]int64, now time.Time) (past []string) {
	for field, sealed := range buckets {
		n, err := strconv.ParseInt(field, 10, 64)
		begins := time.UnixMilli(n * bucket.Milliseconds())
		switch {
		case err != nil || begins.Before(now.Add(-forget)):
			past = append(past, field)
		case begins.After(now) && sealed > 0: // less is what an engine that lost entries leaves
			totals.Entries += sealed >> bytesBits
			totals.Bytes += sealed & (1<<bytesBits - 1)
		}
	}
	return past
}
