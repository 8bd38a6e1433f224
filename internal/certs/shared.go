package certs

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// MinSecret is the least length of the secret of a [Shared], in bytes.
const MinSecret = 32

// unlockTime bounds the release of a lock.
const unlockTime = 5 * time.Second

// Shared is a [Storage] in a store that several servers share. What it stores
// is sealed with keys derived from a secret that the store does not have. An
// altered entry is treated as absent.
type Shared struct {
	store   sealed.Store
	entries sealed.Records[[]byte]
	secret  secret.Text
	area    string
}

var _ Storage = (*Shared)(nil)

// NewShared returns the storage of all servers that have the secret. Areas keep
// apart the certificates of different authorities; an area has no space.
func NewShared(store sealed.Store, secret secret.Text, area string) (*Shared, error) {
	if len(secret.Reveal()) < MinSecret {
		return nil, fmt.Errorf("the secret has fewer than %d bytes", MinSecret)
	}
	entries := sealed.NewRecords(sealed.NewVault(store),
		func(data []byte) []byte { return data },
		func(data []byte) ([]byte, error) { return data, nil })
	return &Shared{store, entries, secret, area}, nil
}

func (s *Shared) slot(kind, name string) (sealed.Slot, error) {
	return sealed.NewSlot("certs "+kind+" "+s.area+" "+name, s.secret)
}

// Get implements [Storage].
func (s *Shared) Get(ctx context.Context, name string) ([]byte, bool, error) {
	at, err := s.slot("entry", name)
	if err != nil {
		return nil, false, err
	}
	entry, err := s.entries.Load(ctx, at)
	if err != nil || !entry.Found {
		return nil, false, err
	}
	return entry.Value, true, nil
}

// Put implements [Storage].
func (s *Shared) Put(ctx context.Context, name string, data []byte, ttl time.Duration) error {
	at, err := s.slot("entry", name)
	if err != nil {
		return err
	}
	_, err = s.entries.Update(ctx, at, func(entry *sealed.Record[[]byte]) error {
		entry.Value, entry.Expires = data, time.Now().Add(ttl)
		return nil
	})
	return err
}

// Delete implements [Storage].
func (s *Shared) Delete(ctx context.Context, name string) error {
	at, err := s.slot("entry", name)
	if err != nil {
		return err
	}
	_, err = s.entries.Take(ctx, at)
	return err
}

// Lock implements [Storage].
func (s *Shared) Lock(ctx context.Context, name string) (unlock func(), ok bool, err error) {
	at, err := s.slot("lock", name)
	if err != nil {
		return nil, false, err
	}
	holder := []byte(rand.Text())
	created, err := s.store.Create(ctx, at.ID, holder, lockTime)
	if err != nil {
		return nil, false, fmt.Errorf("lock in the store: %w", err)
	}
	return func() {
		// Let the lock expire at once, unless it has expired already and is
		// another server's now. If that fails, it expires by itself.
		ctx, cancel := context.WithTimeout(context.Background(), unlockTime)
		defer cancel()
		_, _ = s.store.Replace(ctx, at.ID, holder, holder, time.Millisecond)
	}, created, nil
}
