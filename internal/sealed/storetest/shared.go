package storetest

import (
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// patience bounds the wait for a notification; nothing comes near it.
const patience = 30 * time.Second

// Shared tests two servers' views of one empty store: what one does, the other
// sees. Both run until the test ends.
func Shared(t *testing.T, one, other sealed.Store) {
	t.Run("one wakes the other", func(t *testing.T) {
		for range 100 {
			id := newID()
			c := watching(t, one, id)
			create(t, other, id, "value", time.Hour)
			fires(t, "create", c)
			if ok, err := other.Replace(t.Context(), id, []byte("value"), []byte("next"), time.Hour); !ok || err != nil {
				t.Fatalf("Replace = %v, %v", ok, err)
			}
			fires(t, "replace", c)
			want(t, "what the other has stored", look(t, one.Take, id), "next")
		}
	})
	t.Run("one of many takes wins", func(t *testing.T) {
		stores := []sealed.Store{one, other}
		for round := range 50 {
			id := newID()
			create(t, stores[round%2], id, "value", time.Hour)
			if wins := race(t, func(i int) (bool, error) {
				value, ok, err := stores[i%2].Take(t.Context(), id)
				if ok && string(value) != "value" {
					t.Errorf("took %q", value)
				}
				return ok, err
			}); wins != 1 {
				t.Fatalf("%d takes got the entry", wins)
			}
		}
	})
}

func fires(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("a %s does not fire the watch", what)
	}
}
