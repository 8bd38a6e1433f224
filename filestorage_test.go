package dss_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/desktop-stack-serv/dss"
)

func TestFileStorage(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "new", "folder")
	a, b := dss.FileStorage(folder), dss.FileStorage(folder)
	if _, ok, err := a.Load("1@https://auth.example.org"); ok || err != nil {
		t.Errorf("Load of nothing: %t, %v", ok, err)
	}
	var saves sync.WaitGroup
	for _, name := range []string{"1@https://auth.example.org", "2@https://auth.example.org", "apps"} {
		saves.Go(func() {
			if err := a.Save(name, "text of "+name); err != nil {
				t.Error(err)
			}
		})
	}
	saves.Wait()
	if err := b.Delete("2@https://auth.example.org"); err != nil {
		t.Error(err)
	}
	if _, ok, err := b.Load("2@https://auth.example.org"); ok || err != nil {
		t.Errorf("Load of what is deleted: %t, %v", ok, err)
	}
	if text, ok, err := b.Load("1@https://auth.example.org"); text != "text of 1@https://auth.example.org" || !ok || err != nil {
		t.Errorf("Load: %q, %t, %v", text, ok, err)
	}
}

func TestFileStorageLock(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	a, b := dss.FileStorage(folder), dss.FileStorage(folder)
	unlock, err := a.Lock(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	other, err := a.Lock(t.Context(), "other") // while one is locked
	if err != nil {
		t.Fatal(err)
	}
	defer other()
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := b.Lock(ended, "one"); !errors.Is(err, context.Canceled) {
		t.Errorf("Lock of what is locked: %v", err)
	}
	unlock()
	unlock, err = b.Lock(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
