package redis

import (
	_ "embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/desktop-stack-serv/dss/internal/sealed"
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
)

// names makes the names of keys and channels.
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

// unpack returns the value in what pack made, if it is live at now.
func unpack(sealed string, now time.Time) (value []byte, live bool) {
	if len(sealed) < headerSize || binary.BigEndian.Uint64([]byte(sealed[:headerSize])) <= uint64(now.UnixMilli()) {
		return nil, false
	}
	return []byte(sealed[headerSize:]), true
}

// The scripts decide everything before they write anything. Redis refuses the
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

// script returns the part of scripts.lua called name, behind the part that
// all share.
func script(name string) *rueidis.Lua {
	parts := strings.Split(scriptsFile, "\n---- ")
	for _, part := range parts[1:] {
		if title, body, _ := strings.Cut(part, "\n"); title == name {
			return rueidis.NewLuaScript(parts[0] + "\n" + body)
		}
	}
	panic("scripts.lua has no part " + name)
}
