package certs

import (
	"context"
	"fmt"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// MinSecret is the least length of the secret of a [Shared], in bytes.
const MinSecret = 32

// Shared is a [Storage] in a store that several servers share. What it stores
// is sealed with keys derived from a secret that the store does not have. An
// altered entry is treated as absent.
type Shared struct {
	vault   *sealed.Vault
	entries sealed.Records[[]byte]
	secret  secret.Text
	area    string
}

var _ Storage = (*Shared)(nil)

// NewShared returns the storage of all servers that have the secret. Areas keep
// apart the certificates of different authorities; an area has no space.
func NewShared(vault *sealed.Vault, secret secret.Text, area string) (*Shared, error) {
	if len(secret.Reveal()) < MinSecret {
		return nil, fmt.Errorf("the secret has fewer than %d bytes", MinSecret)
	}
	entries := sealed.NewRecords(vault,
		func(data []byte) []byte { return data },
		func(data []byte) ([]byte, error) { return data, nil })
	return &Shared{vault, entries, secret, area}, nil
}

func (s *Shared) slot(kind, name string) sealed.Slot {
	return sealed.NewSlot("certs "+kind+" "+s.area+" "+name, s.secret)
}

// Get implements [Storage].
func (s *Shared) Get(ctx context.Context, name string) ([]byte, bool, error) {
	entry, err := s.entries.Load(ctx, s.slot("entry", name))
	return entry.Value, entry.Found, err
}

// Put implements [Storage].
func (s *Shared) Put(ctx context.Context, name string, data []byte, ttl time.Duration) error {
	_, err := s.entries.Update(ctx, s.slot("entry", name), func(entry *sealed.Record[[]byte]) error {
		entry.Value, entry.Expires = data, time.Now().Add(ttl)
		return nil
	})
	return err
}

// Delete implements [Storage].
func (s *Shared) Delete(ctx context.Context, name string) error {
	return s.vault.Remove(ctx, s.slot("entry", name))
}

// Lock implements [Storage].
func (s *Shared) Lock(ctx context.Context, name string) (unlock func(), ok bool, err error) {
	return s.vault.Lock(ctx, s.slot("lock", name), lockTime)
}
