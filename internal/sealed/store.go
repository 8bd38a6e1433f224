// Package sealed keeps the entries of secrets in a store that cannot read them.
//
// A [Store] holds opaque bytes under an [ID] until they expire. A [Slot] is the
// place in a store that belongs to a secret: its id and its sealing key are
// derived from the secret, so that the store alone reveals nothing.
package sealed

import (
	"context"
	"errors"
	"time"
)

// IDSize is the length of an [ID] in bytes.
const IDSize = 32

// ID names an entry in a [Store]. It is derived from a key and its key
// space, and cannot be turned back into either.
type ID [IDSize]byte

// EntryOverhead is what an entry takes in a [Store] beside its value, in bytes:
// so much is counted for it wherever room is counted.
const EntryOverhead = 256

// ErrFull is returned by [Store.Create] when the store holds as much as it
// may. A live entry is never evicted to make room for a new one.
var ErrFull = errors.New("store is full")

// Store keeps opaque bytes under an [ID] until they expire.
//
// A Store is safe for concurrent use and never hands out or keeps a buffer
// that its caller owns. An error means trouble with the store; an entry that
// is absent or expired is reported by ok, created or replaced being false.
type Store interface {
	// Create stores value under id for ttl. It reports false, and changes
	// nothing, when id is taken by a live entry. It returns ErrFull when
	// there is no room.
	Create(ctx context.Context, id ID, value []byte, ttl time.Duration) (created bool, err error)

	// Get returns the value under id without consuming it.
	Get(ctx context.Context, id ID) (value []byte, ok bool, err error)

	// Take returns the value under id and removes it, durably, before it
	// returns. However many callers there are, one of them gets it.
	Take(ctx context.Context, id ID) (value []byte, ok bool, err error)

	// Replace stores next under id for ttl if the live value there is
	// exactly old, and reports whether it was. It is what makes a conflict,
	// a correction or a repeatable answer survive a crash half-way.
	Replace(ctx context.Context, id ID, old, next []byte, ttl time.Duration) (replaced bool, err error)

	// Watch returns a channel that receives when an entry may have been
	// created or replaced under id, on any server, after Watch returned. It
	// may fire in vain, and is never closed. The watch ends with ctx.
	Watch(ctx context.Context, id ID) (<-chan struct{}, error)
}

// Reserve returns the same store with room, beyond its limits, for what was in
// it already: in a full store, others have taken the room that it left. A store
// without a reserve is returned as it is.
func Reserve(store Store) Store {
	if s, ok := store.(interface{ Reserve() Store }); ok {
		return s.Reserve()
	}
	return store
}
