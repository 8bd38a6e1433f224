package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/sealed/storetest"
	"github.com/desktop-stack-serv/dss/internal/store"
)

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), "sqlite:"+path, store.Limits{MaxEntries: storetest.MaxEntries, MaxBytes: storetest.MaxBytes}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// running opens the database at path; the function it returns closes it.
func running(t testing.TB, path string) (s *Store, stop func()) {
	t.Helper()
	s = open(t, path)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, s.Close()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	t.Cleanup(stop)
	return s, stop
}

func id(n int) (id sealed.ID) {
	copy(id[:], fmt.Sprintf("entry %d", n))
	return id
}

func create(t *testing.T, s *Store, n int, value string) {
	t.Helper()
	if ok, err := s.Create(t.Context(), id(n), []byte(value), time.Hour); !ok || err != nil {
		t.Fatalf("Create = %v, %v", ok, err)
	}
}

func TestUsage(t *testing.T) {
	s, _ := running(t, filepath.Join(t.TempDir(), "dss.db"))
	create(t, s, 1, "value")
	if entries, bytes := s.Usage(); entries != 1 || bytes < int64(len("value")) {
		t.Errorf("with one entry: %d entries, %d bytes", entries, bytes)
	}
	take(t, s, 1)
	if entries, bytes := s.Usage(); entries != 0 || bytes != 0 {
		t.Errorf("with none: %d entries, %d bytes", entries, bytes)
	}
}

func take(t *testing.T, s *Store, n int) string {
	t.Helper()
	value, ok, err := s.Take(t.Context(), id(n))
	if err != nil {
		t.Fatalf("Take: %v", err)
	}
	if !ok {
		return "absent"
	}
	return string(value)
}

func TestStore(t *testing.T) { storetest.Run(t, openEmpty) }

func TestModel(t *testing.T) { storetest.Model(t, openEmpty, 500) }

func openEmpty(t *testing.T) sealed.Store {
	s, _ := running(t, filepath.Join(t.TempDir(), "dss.db"))
	return s
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dss.db")
	s, stop := running(t, path)
	create(t, s, 1, "kept")
	create(t, s, 2, "taken")
	create(t, s, 3, "replaced")
	take(t, s, 2)
	if ok, err := s.Replace(t.Context(), id(3), []byte("replaced"), []byte("replacement"), time.Hour); !ok || err != nil {
		t.Fatalf("Replace = %v, %v", ok, err)
	}
	if ok, err := s.Create(t.Context(), id(4), []byte("expired"), time.Nanosecond); !ok || err != nil {
		t.Fatalf("Create = %v, %v", ok, err)
	}
	stop()
	s, _ = running(t, path)
	for n, want := range map[int]string{1: "kept", 2: "absent", 3: "replacement", 4: "absent"} {
		if got := take(t, s, n); got != want {
			t.Errorf("entry %d is %q after reopening, want %q", n, got, want)
		}
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dss.db")
	s := open(t, path)
	if _, err := Open(t.Context(), "sqlite:"+path, store.Limits{}, nil); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("second Open = %v, want ErrInUse with the path", err)
	}
	s.Close()
	open(t, path).Close()
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("file modes mean nothing here")
		return
	}
	folder := filepath.Join(t.TempDir(), "data")
	path := filepath.Join(folder, "dss.db")
	s, _ := running(t, path)
	create(t, s, 1, "value")
	modes := map[string]os.FileMode{folder: 0o700, path: 0o600, path + "-wal": 0o600}
	for name, want := range modes {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", filepath.Base(name), got, want)
		}
	}
}

func TestModeOfExistingFileIsCorrected(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dss.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, path).Close()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %o", info.Mode().Perm())
	}
}

func TestNotADatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dss.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), "sqlite:"+path, store.Limits{}, nil); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Open = %v", err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dss.db")
	s := open(t, path)
	if err := s.db.exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := Open(t.Context(), "sqlite:"+path, store.Limits{}, nil); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("Open = %v", err)
	}
}

// TestAbsentTouchesNoDisk looks for absent entries in a store that cannot
// reach its file.
func TestAbsentTouchesNoDisk(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "dss.db"))
	s.Close()
	if got := take(t, s, 1); got != "absent" {
		t.Errorf("Take found %q", got)
	}
	if _, ok, err := s.Get(t.Context(), id(1)); ok || err != nil {
		t.Errorf("Get = %v, %v", ok, err)
	}
}

func TestClosed(t *testing.T) {
	s, stop := running(t, filepath.Join(t.TempDir(), "dss.db"))
	stop()
	if _, _, err := s.Take(t.Context(), id(1)); !errors.Is(err, ErrClosed) {
		t.Errorf("Take = %v", err)
	}
}

// TestFullDisk fails commits the way a full disk does, and then lets the
// store recover.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dss.db")
	s, stop := running(t, path)
	create(t, s, 1, "kept")
	create(t, s, 2, "taken after the recovery")
	limit := func(pages int) {
		t.Helper()
		if err := s.db.exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(1) // SQLite makes that the number of pages in use
	large := strings.Repeat("x", 8192)
	for n := range 3 {
		if ok, err := s.Create(t.Context(), id(10+n), []byte(large), time.Hour); ok || err == nil {
			t.Fatalf("Create on a full disk = %v, %v", ok, err)
		}
		if _, ok, err := s.Get(t.Context(), id(10+n)); ok || err != nil {
			t.Errorf("half-stored: Get = %v, %v", ok, err)
		}
	}
	if ok, err := s.Replace(t.Context(), id(1), []byte("kept"), []byte(large), time.Hour); ok || err == nil {
		t.Fatalf("Replace on a full disk = %v, %v", ok, err)
	}
	limit(1 << 20)
	create(t, s, 11, "after the recovery")
	if got := take(t, s, 2); got != "taken after the recovery" {
		t.Errorf("took %q", got)
	}
	stop()
	s, _ = running(t, path)
	for n, want := range map[int]string{1: "kept", 2: "absent", 10: "absent", 11: "after the recovery", 12: "absent"} {
		if got := take(t, s, n); got != want {
			t.Errorf("entry %d is %q after reopening, want %q", n, got, want)
		}
	}
}

// TestHalfCommitted undoes, with the next commit, whatever a failed one may
// have left on disk.
func TestHalfCommitted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dss.db")
	s, stop := running(t, path)
	create(t, s, 1, "old")
	create(t, s, 2, "not taken")
	stop()

	s = open(t, path)
	half := newBatch()
	kept, lost := s.index.Find(id(1)), s.index.Find(id(2))
	half.changes = []change{
		{entry: kept, existed: true, puts: true, value: []byte("new"), expires: kept.Expires},
		{entry: lost, existed: true},
		{entry: &store.Entry{ID: id(3), Row: 1000}, puts: true, value: []byte("never acknowledged"), expires: kept.Expires},
	}
	if err := s.db.write(half); err != nil {
		t.Fatal(err)
	}
	s.repair = half.inverse()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := errors.Join(s.Run(ctx), s.Close()); err != nil {
		t.Fatal(err)
	}

	s, _ = running(t, path)
	for n, want := range map[int]string{1: "old", 2: "not taken", 3: "absent"} {
		if got := take(t, s, n); got != want {
			t.Errorf("entry %d is %q, want %q", n, got, want)
		}
	}
}

// TestNoSharedMemory: neither a first start nor any later one, after an orderly
// end or none, makes the file that processes share a database by.
func TestNoSharedMemory(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "dss.db")
	check := func(when string) {
		t.Helper()
		left, err := filepath.Glob(filepath.Join(folder, "*-shm"))
		if err != nil || len(left) > 0 {
			t.Errorf("%s: %v, %v", when, left, err)
		}
		if maps, err := os.ReadFile("/proc/self/maps"); err == nil && bytes.Contains(maps, []byte(folder)) {
			t.Errorf("%s: a file of the database is mapped", when)
		}
	}
	for n := range 3 {
		s, stop := running(t, path)
		check("opened")
		create(t, s, n, "value")
		check("written")
		if n == 1 { // as if the process had been killed
			for _, end := range []string{"", "-wal"} {
				content, err := os.ReadFile(path + end)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(folder, "killed.db"+end), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		stop()
		check("closed")
	}
	s, _ := running(t, filepath.Join(folder, "killed.db"))
	check("opened after a kill")
	if got := take(t, s, 1); got != "value" {
		t.Errorf("took %q", got)
	}
	check("taken after a kill")
}
