package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/certs"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// TestCertStorage chooses by the kind of store, and keeps authorities apart.
func TestCertStorage(t *testing.T) {
	folder := t.TempDir()
	secret := filepath.Join(folder, "secret")
	settings := Settings{ACMEEmail: "me@example.org", PublicURL: "https://auth.example.org"}
	shared := settings
	shared.Store, shared.SecretFile = "redis://localhost", secret
	for length, good := range map[int]bool{31: false, 32: true} {
		if err := os.WriteFile(secret, []byte(strings.Repeat("x", length)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		storage, err := planned(t, shared).certStorage(memory.New(store.Limits{}))
		if _, ok := storage.(*certs.Shared); ok != good || (err == nil) != good {
			t.Errorf("a secret of %d bytes: %T, %v", length, storage, err)
		}
		if _, ok := errors.AsType[SettingError](err); ok == good {
			t.Errorf("a secret of %d bytes: %T", length, err)
		}
	}
	for directory, want := range map[string]string{
		"https://acme-v02.api.letsencrypt.org/directory": "acme-v02.api.letsencrypt.org_directory",
		"https://Example.org:14000/a/../b/":              "example.org_14000_a_.._b",
	} {
		settings.Store, settings.ACMEDirectory = "sqlite:"+filepath.Join(folder, "dss.db"), directory
		if _, err := planned(t, settings).certStorage(nil); err != nil {
			t.Error(err)
		}
		info, err := os.Stat(filepath.Join(folder, "certificates", want))
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v %v", directory, info, err)
		}
	}
}
