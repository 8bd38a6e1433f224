package relay_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/sealed/storetest"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// altering is a store whose rows somebody changes.
type altering struct {
	*memory.Store
	ids []sealed.ID
}

func (s *altering) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	s.ids = append(s.ids, id)
	return s.Store.Create(ctx, id, value, ttl)
}

func (s *altering) set(t *testing.T, id sealed.ID, alter func(value []byte) []byte) {
	t.Helper()
	old, _, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := s.Replace(t.Context(), id, old, alter(append([]byte(nil), old...)), time.Hour); !ok || err != nil {
		t.Fatalf("Replace = %v, %v", ok, err)
	}
}

// TestAlteredRows flips a byte of one row and swaps the contents of two.
func TestAlteredRows(t *testing.T) {
	store := &altering{Store: memory.New(store.Limits{})}
	vault := sealed.NewVault(store)
	r := relay.New(vault, relay.Config{})
	b := bench{t, store.Store, r}
	var keys []relay.Key
	for range 3 {
		keys = append(keys, storetest.Key(t, rand.Text()))
		b.deposit(keys[len(keys)-1], token("T"), "")
	}
	store.set(t, store.ids[0], func(value []byte) []byte { value[len(value)/2] ^= 1; return value })
	one, _, _ := store.Get(t.Context(), store.ids[1])
	two, _, _ := store.Get(t.Context(), store.ids[2])
	store.set(t, store.ids[1], func([]byte) []byte { return two })
	store.set(t, store.ids[2], func([]byte) []byte { return one })
	for i, key := range keys {
		b.want("altered row", b.claim(relay.Claim{Key: key}), nothing)
		if got := vault.Unreadable(); got != int64(i+1) {
			t.Errorf("%d counted after %d", got, i+1)
		}
	}
	b.deposit(keys[0], token("again"), "")
	b.want("after a new deposit", b.claim(relay.Claim{Key: keys[0]}), "again")
}

// TestDepositOverAnAlteredRow replaces what nobody can open.
func TestDepositOverAnAlteredRow(t *testing.T) {
	store := &altering{Store: memory.New(store.Limits{})}
	b := bench{t, store.Store, relay.New(sealed.NewVault(store), relay.Config{})}
	key := storetest.Key(t, rand.Text())
	b.deposit(key, token("T"), "")
	store.set(t, store.ids[0], func([]byte) []byte { return []byte("junk") })
	b.deposit(key, token("new"), "")
	b.want("claim", b.claim(relay.Claim{Key: key}), "new")
}
