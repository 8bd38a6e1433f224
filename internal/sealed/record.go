package sealed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	// maxAttempts bounds how often an update starts over because the entry was
	// changed meanwhile.
	maxAttempts = 64
	// unlockTime bounds how long unlocking takes.
	unlockTime = 5 * time.Second
)

var (
	// ErrContended means that other callers kept changing an entry.
	ErrContended = errors.New("entry kept changing")
	// ErrUnavailable means that an operation of the store failed. It wraps the
	// store's error.
	ErrUnavailable = errors.New("store")
	// ErrUnchanged is returned by the function passed to [Records.Update] to leave
	// the entry as it is.
	ErrUnchanged = errors.New("unchanged")
)

// Vault is a [Store] whose entries are sealed. It counts those that do not open.
type Vault struct {
	store      Store
	unreadable *atomic.Int64
}

// NewVault returns the vault in store.
func NewVault(store Store) *Vault { return &Vault{store, new(atomic.Int64)} }

// Reserve returns the same vault with room, beyond the store's limits, for what
// was in it already.
func (v *Vault) Reserve() *Vault { return &Vault{Reserve(v.store), v.unreadable} }

// Unreadable counts the entries that were found altered, or in a form that is
// not known. Each was treated as absent.
func (v *Vault) Unreadable() int64 { return v.unreadable.Load() }

// Watch is [Store.Watch] for the entry of a slot.
func (v *Vault) Watch(ctx context.Context, at *Slot) (<-chan struct{}, error) {
	woken, err := v.store.Watch(ctx, at.ID)
	return woken, unavailable("watch", err)
}

// Ping returns an error unless the store answers.
func (v *Vault) Ping(ctx context.Context) error {
	_, _, err := v.store.Get(ctx, ID{})
	return unavailable("get", err)
}

// Remove removes the entry of a slot, if there is one.
func (v *Vault) Remove(ctx context.Context, at *Slot) error {
	_, _, err := v.store.Take(ctx, at.ID)
	return unavailable("take", err)
}

// Lock holds the lock of a slot until unlock is called, or for ttl. It reports
// false if another caller holds it.
func (v *Vault) Lock(ctx context.Context, at *Slot, ttl time.Duration) (unlock func(), ok bool, err error) {
	holder := []byte(rand.Text())
	ok, err = v.store.Create(ctx, at.ID, holder, ttl)
	return func() {
		// Let the lock expire at once, unless it has expired and belongs to another
		// caller. If that fails, it expires after ttl.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTime)
		defer cancel()
		_, _ = v.store.Replace(ctx, at.ID, holder, holder, time.Millisecond)
	}, ok, unavailable("lock", err)
}

func unavailable(operation string, err error) error {
	if err == nil || errors.Is(err, ErrFull) {
		return err
	}
	return fmt.Errorf("%w: %s entry: %w", ErrUnavailable, operation, err)
}

// Records are the entries of a vault that hold a value of type T.
//
// Unless a method says otherwise, its error is [ErrUnavailable], or [ErrFull]
// where it may create an entry.
type Records[T any] struct {
	vault  *Vault
	encode func(T) []byte
	decode func([]byte) (T, error)
}

// NewRecords returns the records of a vault with this encoding, which has at most
// [MaxSealed] bytes.
func NewRecords[T any](vault *Vault, encode func(T) []byte, decode func([]byte) (T, error)) Records[T] {
	return Records[T]{vault, encode, decode}
}

// Record is an entry as it was when it was loaded or stored.
type Record[T any] struct {
	Value   T
	Expires time.Time
	// Found reports whether there is a live entry that can be read.
	Found bool

	at     *Slot
	stored []byte // what is in the store; nil if nothing is
}

// Size is what a [Store] counts for a value.
func (r Records[T]) Size(value T) int { return EntryOverhead + SealOverhead + len(r.encode(value)) }

// Load returns the record of a slot. It is never nil.
func (r Records[T]) Load(ctx context.Context, at *Slot) (*Record[T], error) {
	rec := &Record[T]{at: at}
	stored, ok, err := r.vault.store.Get(ctx, at.ID)
	if err == nil && ok {
		r.open(rec, stored)
	}
	return rec, unavailable("get", err)
}

// Take removes the record of a slot, durably, and returns it. One caller gets
// it. It is never nil.
func (r Records[T]) Take(ctx context.Context, at *Slot) (*Record[T], error) {
	rec := &Record[T]{at: at}
	stored, ok, err := r.vault.store.Take(ctx, at.ID)
	if err == nil && ok {
		r.open(rec, stored)
	}
	return rec, unavailable("take", err)
}

// open reads what is stored into rec.
func (r Records[T]) open(rec *Record[T], stored []byte) {
	rec.stored = stored
	plain, expires, err := rec.at.Open(stored)
	if err == nil {
		err = r.read(rec, plain, expires)
	}
	if err != nil {
		r.vault.unreadable.Add(1)
	}
}

// read is not a part of open, so that there is no room for a value on the stack while
// the entry is opened. So a claim takes no more than 4 KiB of it, which is what it has
// over HTTP/2 at first: to make it larger takes a twentieth of a request.
func (r Records[T]) read(rec *Record[T], plain []byte, expires time.Time) error {
	value, err := r.decode(plain)
	if err == nil {
		rec.Value, rec.Expires, rec.Found = value, expires, time.Now().Before(expires)
	}
	return err
}

// Create stores value in an empty slot until expires. It reports false if the
// slot is not empty.
func (r Records[T]) Create(ctx context.Context, at *Slot, value T, expires time.Time) (bool, error) {
	return r.Replace(ctx, &Record[T]{Value: value, Expires: expires, at: at})
}

// Replace stores the value and the expiry of rec, unless another caller
// has changed the entry since rec was loaded or stored. Then it reports false.
func (r Records[T]) Replace(ctx context.Context, rec *Record[T]) (bool, error) {
	next, err := rec.at.Seal(r.encode(rec.Value), rec.Expires)
	if err != nil {
		return false, fmt.Errorf("seal entry: %w", err)
	}
	ttl := max(time.Until(rec.Expires), time.Millisecond)
	var done bool
	if rec.stored == nil {
		done, err = r.vault.store.Create(ctx, rec.at.ID, next, ttl)
	} else {
		done, err = r.vault.store.Replace(ctx, rec.at.ID, rec.stored, next, ttl)
	}
	if err != nil {
		return false, unavailable("store", err)
	}
	if done {
		rec.stored, rec.Found = next, true
	}
	return done, nil
}

// Update loads the record of a slot, has change change its value and expiry,
// and stores it, whether it was found or not; if another caller changes the entry
// meanwhile, it starts over. It returns the record as it is then, which is never nil.
// Errors are change's, except for [ErrUnchanged], and [ErrContended].
func (r Records[T]) Update(ctx context.Context, at *Slot, change func(*Record[T]) error) (*Record[T], error) {
	for range maxAttempts {
		rec, err := r.Load(ctx, at)
		if err != nil {
			return rec, err
		}
		switch err := change(rec); err {
		case nil:
		case ErrUnchanged:
			return rec, nil
		default:
			return rec, err
		}
		if done, err := r.Replace(ctx, rec); err != nil || done {
			return rec, err
		}
	}
	return &Record[T]{at: at}, ErrContended
}
