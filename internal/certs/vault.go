package certs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// MinSecret is the least length of a [Vault]'s secret, in bytes.
const MinSecret = 32

// maxAttempts bounds how often a Put starts over because others put too.
const maxAttempts = 64

var errContended = errors.New("certificate store: too many servers write the same entry")

// Vault is a [Storage] in a store that several servers share. What it stores
// is sealed with keys derived from a secret that the store does not have.
type Vault struct {
	store  sealed.Store
	secret secret.Text
	area   string
}

var _ Storage = (*Vault)(nil)

// NewVault returns the vault of everybody who has the secret. Areas keep
// apart the certificates of different authorities; an area has no space.
func NewVault(store sealed.Store, secret secret.Text, area string) (*Vault, error) {
	if len(secret.Reveal()) < MinSecret {
		return nil, fmt.Errorf("the secret has fewer than %d bytes", MinSecret)
	}
	return &Vault{store, secret, area}, nil
}

func (v *Vault) slot(kind, name string) (sealed.Slot, error) {
	return sealed.NewSlot("certs "+kind+" "+v.area+" "+name, v.secret)
}

// Get implements [Storage]. An altered entry is treated as absent.
func (v *Vault) Get(ctx context.Context, name string) ([]byte, bool, error) {
	at, err := v.slot("entry", name)
	if err != nil {
		return nil, false, err
	}
	sealed, ok, err := v.store.Get(ctx, at.ID)
	if err != nil {
		return nil, false, fmt.Errorf("certificate store: %w", err)
	}
	if !ok {
		return nil, false, nil
	}
	data, expires, err := at.Open(sealed)
	if err != nil || !time.Now().Before(expires) {
		return nil, false, nil
	}
	return data, true, nil
}

// Put implements [Storage].
func (v *Vault) Put(ctx context.Context, name string, data []byte, ttl time.Duration) error {
	at, err := v.slot("entry", name)
	if err != nil {
		return err
	}
	sealed, err := at.Seal(data, time.Now().Add(ttl))
	if err != nil {
		return err
	}
	for range maxAttempts {
		done, err := v.put(ctx, at.ID, sealed, ttl)
		if err != nil {
			return fmt.Errorf("certificate store: %w", err)
		}
		if done {
			return nil
		}
	}
	return errContended
}

func (v *Vault) put(ctx context.Context, id sealed.ID, sealed []byte, ttl time.Duration) (bool, error) {
	old, ok, err := v.store.Get(ctx, id)
	if err != nil {
		return false, err
	}
	if ok {
		return v.store.Replace(ctx, id, old, sealed, ttl)
	}
	return v.store.Create(ctx, id, sealed, ttl)
}

// Delete implements [Storage].
func (v *Vault) Delete(ctx context.Context, name string) error {
	at, err := v.slot("entry", name)
	if err != nil {
		return err
	}
	if _, _, err := v.store.Take(ctx, at.ID); err != nil {
		return fmt.Errorf("certificate store: %w", err)
	}
	return nil
}

// Lock implements [Storage].
func (v *Vault) Lock(ctx context.Context, name string) (func(), bool, error) {
	at, err := v.slot("lock", name)
	if err != nil {
		return nil, false, err
	}
	holder := []byte(rand.Text())
	created, err := v.store.Create(ctx, at.ID, holder, lockTime)
	if err != nil {
		return nil, false, fmt.Errorf("certificate store: %w", err)
	}
	return func() { v.unlock(at.ID, holder) }, created, nil
}

// unlock lets the lock expire at once, unless it has expired already and is
// another server's now. One that cannot be released expires by itself.
func (v *Vault) unlock(id sealed.ID, holder []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, _ = v.store.Replace(ctx, id, holder, holder, time.Millisecond)
}
