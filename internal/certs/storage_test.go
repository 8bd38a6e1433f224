package certs_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/certs"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

func newShared(t *testing.T, store sealed.Store, text string) *certs.Shared {
	t.Helper()
	shared, err := certs.NewShared(sealed.NewVault(store), secret.New(text), "authority")
	if err != nil {
		t.Fatal(err)
	}
	return shared
}

func newFolder(t *testing.T, path string) *certs.Folder {
	t.Helper()
	folder, err := certs.OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

func inMemory() *memory.Store { return memory.New(store.Limits{}) }

// TestStorage holds both kinds to the contract.
func TestStorage(t *testing.T) {
	for kind, storage := range map[string]certs.Storage{
		"folder": newFolder(t, filepath.Join(t.TempDir(), "a", "b")),
		"shared": newShared(t, inMemory(), strings.Repeat("s", certs.MinSecret)),
	} {
		t.Run(kind, func(t *testing.T) {
			ctx := t.Context()
			want := func(name, data string, present bool) {
				t.Helper()
				got, ok, err := storage.Get(ctx, name)
				if err != nil || ok != present || string(got) != data {
					t.Errorf("Get(%s) = %q, %v, %v", name, got, ok, err)
				}
			}
			put := func(name, data string) {
				t.Helper()
				if err := storage.Put(ctx, name, []byte(data), time.Hour); err != nil {
					t.Error(err)
				}
			}
			want("auth.example.org", "", false)
			put("auth.example.org", "one")
			put("account", "key")
			want("auth.example.org", "one", true)
			large := strings.Repeat("two ", 5000)
			put("auth.example.org", large)
			want("auth.example.org", large, true)
			want("account", "key", true)
			for range 2 {
				if err := storage.Delete(ctx, "auth.example.org"); err != nil {
					t.Error(err)
				}
				want("auth.example.org", "", false)
			}
			var putting sync.WaitGroup
			for range 8 {
				putting.Go(func() { put("account", "other") })
			}
			putting.Wait()
			want("account", "other", true)
			unlock, ok, err := storage.Lock(ctx, "account")
			if err != nil || !ok {
				t.Fatalf("Lock = %v, %v", ok, err)
			}
			unlock()
		})
	}
}

func TestFolderKeepsToItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "certificates")
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{"challenge_token.pem", "new-123.tmp", "auth.example.org.pem", "challenge-auth.example.org.pem"} {
		if err := os.WriteFile(filepath.Join(path, left), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder := newFolder(t, path)
	if err := folder.Put(t.Context(), "account", []byte("key"), time.Hour); err != nil {
		t.Fatal(err)
	}
	modes := map[string]os.FileMode{".": 0o700, "account.pem": 0o600, "auth.example.org.pem": 0o600, "challenge-auth.example.org.pem": 0o600}
	err := filepath.WalkDir(path, func(name string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err = filepath.Rel(path, name)
		info, infoErr := entry.Info()
		if infoErr != nil || err != nil {
			t.Fatal(err, infoErr)
		}
		if want, known := modes[name]; !known || info.Mode().Perm() != want {
			t.Errorf("%s: %v", name, info.Mode())
		}
		delete(modes, name)
		return nil
	})
	if err != nil || len(modes) != 0 {
		t.Errorf("missing: %v, %v", modes, err)
	}
	for _, name := range []string{"", ".", "..", "../account", "a/b", `a\b`, "a\x00", ".hidden", strings.Repeat("a", 251)} {
		if _, _, err := folder.Get(t.Context(), name); err == nil {
			t.Errorf("Get(%q) succeeds", name)
		}
		if folder.Put(t.Context(), name, nil, time.Hour) == nil || folder.Delete(t.Context(), name) == nil {
			t.Errorf("Put or Delete(%q) succeeds", name)
		}
	}
}

// TestFolderTrouble: errors, no silence.
func TestFolderTrouble(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := certs.OpenFolder(file); err == nil {
		t.Error("a file is opened as a folder")
	}
	path := filepath.Join(t.TempDir(), "certificates")
	folder := newFolder(t, path)
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := folder.Put(t.Context(), "account", nil, time.Hour); err == nil {
		t.Error("stored in a folder that is gone")
	}
}

// TestSharedSeals: without the secret the store shows nothing, with another secret
// nothing is found, and an altered entry is absent and can be replaced.
func TestSharedSeals(t *testing.T) {
	store, text := inMemory(), rand.Text()+rand.Text()
	spy := &spying{Store: store}
	shared := newShared(t, spy, text)
	if err := shared.Put(t.Context(), "auth.example.org", []byte("-----BEGIN PRIVATE KEY-----"), time.Hour); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(spy.value, []byte("PRIVATE")) || bytes.Contains(spy.value, []byte("example")) {
		t.Errorf("stored in clear: %q", spy.value)
	}
	if _, ok, err := newShared(t, store, text+"x").Get(t.Context(), "auth.example.org"); ok || err != nil {
		t.Errorf("with another secret: %v, %v", ok, err)
	}
	altered := bytes.Clone(spy.value)
	altered[len(altered)-1] ^= 1
	if ok, err := store.Replace(t.Context(), spy.id, spy.value, altered, time.Hour); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, ok, err := shared.Get(t.Context(), "auth.example.org"); ok || err != nil {
		t.Errorf("altered: %v, %v", ok, err)
	}
	if err := shared.Put(t.Context(), "auth.example.org", []byte("new"), time.Hour); err != nil {
		t.Error(err)
	}
	if data, ok, err := shared.Get(t.Context(), "auth.example.org"); string(data) != "new" || !ok || err != nil {
		t.Errorf("replaced: %q, %v, %v", data, ok, err)
	}
	if _, err := certs.NewShared(sealed.NewVault(store), secret.New(strings.Repeat("s", certs.MinSecret-1)), "a"); err == nil {
		t.Error("a short secret is taken")
	}
}

type spying struct {
	*memory.Store
	id    sealed.ID
	value []byte
}

func (s *spying) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	s.id, s.value = id, bytes.Clone(value)
	return s.Store.Create(ctx, id, value, ttl)
}

// TestSharedLock: one at a time; a lock that has expired and is another's is
// not released by who had it.
func TestSharedLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newShared(t, inMemory(), strings.Repeat("s", certs.MinSecret))
		lock := func(want bool) func() {
			t.Helper()
			unlock, ok, err := shared.Lock(t.Context(), "auth.example.org")
			if err != nil || ok != want {
				t.Fatalf("Lock = %v, %v", ok, err)
			}
			return unlock
		}
		first := lock(true)
		lock(false)() // who does not hold it releases nothing
		lock(false)
		first()
		time.Sleep(time.Second)
		first = lock(true)
		time.Sleep(5 * time.Minute)
		second := lock(true)
		first()
		time.Sleep(time.Second)
		lock(false)
		second()
		time.Sleep(time.Second)
		lock(true)
	})
}

// TestSharedExpiry: challenges do not stay.
func TestSharedExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newShared(t, inMemory(), strings.Repeat("s", certs.MinSecret))
		if err := shared.Put(t.Context(), "challenge_x", []byte("answer"), time.Minute); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Second)
		if _, ok, _ := shared.Get(t.Context(), "challenge_x"); !ok {
			t.Error("gone too early")
		}
		time.Sleep(time.Second)
		if _, ok, _ := shared.Get(t.Context(), "challenge_x"); ok {
			t.Error("still there")
		}
	})
}
