package sealed_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

func decode(in []byte) (string, error) {
	if string(in) == "not a value" {
		return "", errors.New("malformed")
	}
	return string(in), nil
}

func texts(vault *sealed.Vault) sealed.Records[string] {
	return sealed.NewRecords(vault, func(s string) []byte { return []byte(s) }, decode)
}

func slot(t *testing.T) *sealed.Slot {
	t.Helper()
	return sealed.NewSlot("test", secret.Random())
}

// TestRecord walks a record through its life.
func TestRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records, at := texts(sealed.NewVault(memory.New(store.Limits{}))), slot(t)
		ends := time.Now().Add(time.Minute)
		want := func(value string, found bool) {
			t.Helper()
			rec, err := records.Load(t.Context(), at)
			if rec.Value != value || rec.Found != found || err != nil {
				t.Errorf("Load = %q, %t, %v, want %q", rec.Value, rec.Found, err, value)
			}
		}
		want("", false)
		for _, created := range []bool{true, false} {
			if ok, err := records.Create(t.Context(), at, "one", ends); ok != created || err != nil {
				t.Fatalf("Create = %t, %v", ok, err)
			}
		}
		first, _ := records.Load(t.Context(), at)
		second, _ := records.Load(t.Context(), at)
		first.Value, second.Value = "two", "three"
		if ok, err := records.Replace(t.Context(), first); !ok || err != nil {
			t.Errorf("Replace = %t, %v", ok, err)
		}
		if ok, err := records.Replace(t.Context(), second); ok || err != nil {
			t.Errorf("Replace of what has changed = %t, %v", ok, err)
		}
		want("two", true)
		first.Value = "four"
		if ok, err := records.Replace(t.Context(), first); !ok || err != nil {
			t.Errorf("a second Replace = %t, %v", ok, err)
		}
		if rec, err := records.Take(t.Context(), at); rec.Value != "four" || !rec.Expires.Equal(ends.Truncate(time.Millisecond)) || err != nil {
			t.Errorf("Take = %+v, %v", rec, err)
		}
		want("", false)
		if _, err := records.Create(t.Context(), at, "again", ends); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		want("", false)
	})
}

// TestUpdate has many add a letter at once.
func TestUpdate(t *testing.T) {
	records, at := texts(sealed.NewVault(memory.New(store.Limits{}))), slot(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			_, err := records.Update(t.Context(), at, func(rec *sealed.Record[string]) error {
				rec.Value, rec.Expires = rec.Value+"x", time.Now().Add(time.Minute)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	errStop := errors.New("stop")
	for returned, want := range map[error]error{sealed.ErrUnchanged: nil, errStop: errStop} {
		rec, err := records.Update(t.Context(), at, func(rec *sealed.Record[string]) error {
			if rec.Value != "xxxxxxxx" {
				t.Errorf("%q is stored", rec.Value)
			}
			return returned
		})
		if err != want || !rec.Found {
			t.Errorf("Update = %+v, %v, want %v", rec, err, want)
		}
	}
}

// restless is a store in which somebody else is always faster.
type restless struct{ sealed.Store }

func (restless) Replace(context.Context, sealed.ID, []byte, []byte, time.Duration) (bool, error) {
	return false, nil
}

type away struct{ sealed.Store }

var errAway = errors.New("no such host")

func (away) Get(context.Context, sealed.ID) ([]byte, bool, error) { return nil, false, errAway }

// TestUpdateEnds: an update that never succeeds ends, and so does one without a
// store.
func TestUpdateEnds(t *testing.T) {
	inner, at := memory.New(store.Limits{}), slot(t)
	if _, err := texts(sealed.NewVault(inner)).Create(t.Context(), at, "x", time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		store sealed.Store
		want  []error
	}{{restless{inner}, []error{sealed.ErrContended}}, {away{inner}, []error{sealed.ErrUnavailable, errAway}}} {
		_, err := texts(sealed.NewVault(row.store)).Update(t.Context(), at, func(*sealed.Record[string]) error { return nil })
		for _, want := range row.want {
			if !errors.Is(err, want) {
				t.Errorf("%T: %v, want %v", row.store, err, want)
			}
		}
	}
}

// TestUnreadable: an entry that does not open, or holds no value, is counted,
// absent, and can be replaced.
func TestUnreadable(t *testing.T) {
	inner := memory.New(store.Limits{})
	vault, at := sealed.NewVault(inner), slot(t)
	records := texts(vault)
	malformed, err := at.Seal([]byte("not a value"), time.Now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for i, stored := range [][]byte{[]byte("garbage"), malformed} {
		if _, err := inner.Create(t.Context(), at.ID, stored, time.Minute); err != nil {
			t.Fatal(err)
		}
		if rec, err := records.Load(t.Context(), at); rec.Found || err != nil {
			t.Errorf("Load = %+v, %v", rec, err)
		}
		if n := vault.Reserve().Unreadable(); n != int64(2*i+1) {
			t.Errorf("%d counted", n)
		}
		_, err := records.Update(t.Context(), at, func(rec *sealed.Record[string]) error {
			rec.Value, rec.Expires = rec.Value+"new", time.Now().Add(time.Minute)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if rec, err := records.Take(t.Context(), at); rec.Value != "new" || err != nil {
			t.Errorf("Take = %+v, %v", rec, err)
		}
	}
}
