package certs

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pairOf makes a certificate for name, for as long as life from now on, and its
// key, in PEM.
func pairOf(t *testing.T, name string, life time.Duration) (cert, key string) {
	t.Helper()
	data := selfSigned(t, name, life)
	i := strings.Index(data, "-----BEGIN CERTIFICATE")
	return data[i:], data[:i]
}

func writeFiles(t *testing.T, folder, cert, key string) {
	t.Helper()
	err := errors.Join(os.WriteFile(filepath.Join(folder, "cert.pem"), []byte(cert), 0o600),
		os.WriteFile(filepath.Join(folder, "key.pem"), []byte(key), 0o600))
	if err != nil {
		t.Fatal(err)
	}
}

// TestFiles: a new pair is served soon after it is there; one that is broken,
// half there or gone leaves the old one, and is told once.
func TestFiles(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		cert, key := pairOf(t, "one.example.org", time.Hour)
		writeFiles(t, folder, cert, key)
		var log buffer
		files, err := OpenFiles(filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"), "one.example.org",
			slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil || strings.Contains(log.String(), "WARN") {
			t.Fatal(err, log.String())
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- files.Run(ctx) }()
		serves := func(name string, told int) {
			t.Helper()
			time.Sleep(time.Minute)
			synctest.Wait()
			served, err := files.GetCertificate(nil)
			if err != nil || served.Leaf.DNSNames[0] != name {
				t.Errorf("served: %v, %v", served.Leaf.DNSNames, err)
			}
			if n := strings.Count(log.String(), "level=ERROR"); n != told {
				t.Errorf("%d errors, want %d:\n%s", n, told, log.String())
			}
		}
		serves("one.example.org", 0)
		nextCert, nextKey := pairOf(t, "two.example.org", time.Hour)
		writeFiles(t, folder, nextCert, key)
		serves("one.example.org", 1)
		writeFiles(t, folder, nextCert, "junk")
		serves("one.example.org", 2)
		if err := os.Remove(filepath.Join(folder, "key.pem")); err != nil {
			t.Fatal(err)
		}
		serves("one.example.org", 3)
		writeFiles(t, folder, nextCert, nextKey)
		serves("two.example.org", 3)
		if !strings.Contains(log.String(), "not for the server's own host") {
			t.Errorf("no warning:\n%s", log.String())
		}
		lateCert, lateKey := pairOf(t, "one.example.org", -time.Minute)
		writeFiles(t, folder, lateCert, lateKey)
		serves("one.example.org", 3)
		if !strings.Contains(log.String(), "certificate has expired") {
			t.Errorf("no warning:\n%s", log.String())
		}
		if strings.Contains(log.String(), strings.Split(key, "\n")[1]) {
			t.Error("a key is in the log")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
