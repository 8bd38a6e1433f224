package redis

import (
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
)

const (
	// headerSize is the length of the expiry in front of a value.
	headerSize = 8
	// grace is how long the engine keeps an entry after its expiry, which the
	// servers judge by their own clocks.
	grace = time.Minute
	// shards is how many parts the ids fall into. All keys of a part are in
	// one slot of a cluster.
	shards = 256
	// bucket is the span of expiries that one field of a shard's hash counts,
	// and bytesBits where in it the number of entries begins, as in scripts.lua.
	bucket    = 15 * time.Second
	bytesBits = 40
	// forget is how long after its end a bucket is removed: other servers'
	// clocks may be behind.
	forget = time.Minute
)

// names are the names of keys and channels.
type names struct{ prefix string }

// entry is the key of an entry.
func (n names) entry(id sealed.ID) string { return n.shard(id[0]) + text(id) }

// usage is the key of the hash that counts a shard's entries.
func (n names) usage(shard byte) string { return n.shard(shard) + "usage" }

// shard is what the keys of a shard start with. Redis Cluster looks at what
// is in the braces only.
func (n names) shard(shard byte) string {
	return n.prefix + "{" + hex.EncodeToString([]byte{shard}) + "}:"
}

// channel is where the keys of entries are published when they change.
func (n names) channel() string { return n.prefix + "changes" }

// id is the inverse of entry.
func (n names) id(key string) (id sealed.ID, ok bool) {
	encoded := key[max(0, len(key)-base64.RawURLEncoding.EncodedLen(sealed.IDSize)):]
	if _, err := base64.RawURLEncoding.Decode(id[:], []byte(encoded)); err != nil {
		return id, false
	}
	return id, key == n.entry(id)
}

func text(id sealed.ID) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// pack puts the expiry in front of value.
func pack(value []byte, expires time.Time) string {
	out := make([]byte, 0, headerSize+len(value))
	out = binary.BigEndian.AppendUint64(out, uint64(expires.UnixMilli()))
	return string(append(out, value...))
}

// unpack returns the value of a packed entry, or nil if it is not live at now.
func unpack(packed string, now time.Time) []byte {
	if len(packed) < headerSize || binary.BigEndian.Uint64([]byte(packed[:headerSize])) <= uint64(now.UnixMilli()) {
		return nil
	}
	return []byte(packed[headerSize:])
}

// The scripts decide before they write. Redis refuses the
// first write of a script, and so all of it, when it is read-only or cut off
// from its replicas, and that of create when it is full.
//
//go:embed scripts.lua
var scriptsFile string

var (
	createScript  = script("create")
	takeScript    = script("take")
	replaceScript = script("replace")
)

// script returns the part of scripts.lua called name, after the part that all
// scripts share.
func script(name string) *rueidis.Lua {
	parts := strings.Split(scriptsFile, "\n---- ")
	for _, part := range parts[1:] {
		if title, body, _ := strings.Cut(part, "\n"); title == name {
			return rueidis.NewLuaScript(parts[0] + "\n" + body)
		}
	}
	panic("scripts.lua has no part " + name)
}

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
	for field, counted := range buckets {
		n, err := strconv.ParseInt(field, 10, 64)
		begins := time.UnixMilli(n * bucket.Milliseconds())
		switch {
		case err != nil || begins.Before(now.Add(-forget)):
			past = append(past, field)
		case begins.After(now) && counted > 0: // less is what an engine that lost entries leaves
			totals.Entries += counted >> bytesBits
			totals.Bytes += counted & (1<<bytesBits - 1)
		}
	}
	return past
}
