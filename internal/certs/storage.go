package certs

import (
	"context"
	"time"
)

// Storage keeps certificates, keys and the answers to challenges by name. A
// name is made of ASCII letters, digits, dots, dashes and underscores, and
// does not start with a dot.
//
// A Storage is safe for concurrent use. An error means trouble; absence is
// reported by ok being false.
type Storage interface {
	// Get returns what is stored under name.
	Get(ctx context.Context, name string) (data []byte, ok bool, err error)
	// Put stores data under name, in the place of what is there, for at
	// least ttl.
	Put(ctx context.Context, name string, data []byte, ttl time.Duration) error
	// Delete removes what is stored under name, if anything is.
	Delete(ctx context.Context, name string) error
	// Lock keeps other servers with the same storage from holding name's
	// lock until unlock is called, or for lockTime. It reports false when
	// another one holds it.
	Lock(ctx context.Context, name string) (unlock func(), ok bool, err error)
}

const (
	// orderTime bounds everything that is done under a lock.
	orderTime = 2 * time.Minute
	// lockTime is longer: who holds a lock is done before it ends.
	lockTime = orderTime + 30*time.Second
	// keepTime is how long certificates and the account key are kept at
	// least. No authority issues for longer.
	keepTime = 400 * 24 * time.Hour
	// challengeTime is how long answers to challenges are kept at most.
	challengeTime = 10 * time.Minute
)
