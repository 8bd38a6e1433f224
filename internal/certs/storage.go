package certs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// Storage keeps certificates, keys and the answers to challenges by name. A
// name is made of ASCII letters, digits, dots, dashes and underscores, and
// does not start with a dot.
//
// A Storage is safe for concurrent use. An error means trouble; absence is
// reported by ok being false.
type Storage interface {
	// Get returns what is stored under name.
	Get(ctx context.Context, name string) (data []byte, ok bool, err error)
	// Put stores data under name, in place of what is there, for at least ttl.
	Put(ctx context.Context, name string, data []byte, ttl time.Duration) error
	// Delete removes what is stored under name, if anything is.
	Delete(ctx context.Context, name string) error
	// Lock keeps other servers with the same storage from holding name's
	// lock until unlock is called, or for lockTime. It reports false when
	// another one holds it.
	Lock(ctx context.Context, name string) (unlock func(), ok bool, err error)
}

const (
	// orderTime bounds everything that is done under a lock.
	orderTime = 2 * time.Minute
	// lockTime is longer, so that an order has ended before its lock does.
	lockTime = orderTime + 30*time.Second
	// keepTime is how long certificates and the account key are kept at
	// least. No authority issues for longer.
	keepTime = 400 * 24 * time.Hour
)

// Folder is a [Storage] for one server: files that only its own user can
// read, in a folder that only its own user can enter.
type Folder struct{ path string }

var _ Storage = (*Folder)(nil)

// OpenFolder makes the folder, if there is none, and removes the answers and
// half-written files that a killed server left in it.
func OpenFolder(path string) (*Folder, error) {
	if err := cmp.Or(os.MkdirAll(path, 0o700), os.Chmod(path, 0o700)); err != nil {
		return nil, err
	}
	for _, pattern := range []string{challengePrefix + "*", "*.tmp"} {
		left, _ := fs.Glob(os.DirFS(path), pattern) // the patterns are well-formed
		for _, name := range left {
			_ = os.Remove(filepath.Join(path, name)) // it does no harm if it stays
		}
	}
	return &Folder{path}, nil
}

// isStorable reports whether a file may have a name.
func isStorable(name string) bool {
	return name != "" && len(name) <= 250 && name[0] != '.' && strings.Trim(name, inTokens+".") == ""
}

func (f *Folder) file(name string) (string, error) {
	if !isStorable(name) {
		return "", errors.New("certificate folder: not the name of a file")
	}
	return filepath.Join(f.path, name+".pem"), nil
}

func (f *Folder) Get(_ context.Context, name string) ([]byte, bool, error) {
	file, err := f.file(name)
	if err != nil {
		return nil, false, err
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// Put implements [Storage]. It leaves the old file or the new one, complete,
// whatever happens. Files do not expire.
func (f *Folder) Put(_ context.Context, name string, data []byte, _ time.Duration) error {
	file, err := f.file(name)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(f.path, "new-*.tmp") // readable by its owner alone
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(data)
	if err = cmp.Or(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), file)
}

func (f *Folder) Delete(_ context.Context, name string) error {
	file, err := f.file(name)
	if err != nil {
		return err
	}
	if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Lock implements [Storage]. There is no other server.
func (f *Folder) Lock(context.Context, string) (func(), bool, error) {
	return func() {}, true, nil
}

// MinSecret is the least length of the secret of a [Shared], in bytes.
const MinSecret = 32

// Shared is a [Storage] in a store that several servers share. What it stores
// is sealed with keys derived from a secret that the store does not have. An
// altered entry is treated as absent.
type Shared struct {
	vault   *sealed.Vault
	entries sealed.Records[[]byte]
	secret  secret.Text
	area    string
}

var _ Storage = (*Shared)(nil)

// NewShared returns the storage of all servers that have the secret. Areas keep
// apart the certificates of different authorities; an area has no space.
func NewShared(vault *sealed.Vault, secret secret.Text, area string) (*Shared, error) {
	if len(secret.Reveal()) < MinSecret {
		return nil, fmt.Errorf("the secret has fewer than %d bytes", MinSecret)
	}
	entries := sealed.NewRecords(vault,
		func(data []byte) []byte { return data },
		func(data []byte) ([]byte, error) { return data, nil })
	return &Shared{vault, entries, secret, area}, nil
}

func (s *Shared) slot(kind, name string) *sealed.Slot {
	return sealed.NewSlot("certs "+kind+" "+s.area+" "+name, s.secret)
}

func (s *Shared) Get(ctx context.Context, name string) ([]byte, bool, error) {
	entry, err := s.entries.Load(ctx, s.slot("entry", name))
	return entry.Value, entry.Found, err
}

func (s *Shared) Put(ctx context.Context, name string, data []byte, ttl time.Duration) error {
	_, err := s.entries.Update(ctx, s.slot("entry", name), func(entry *sealed.Record[[]byte]) error {
		entry.Value, entry.Expires = data, time.Now().Add(ttl)
		return nil
	})
	return err
}

func (s *Shared) Delete(ctx context.Context, name string) error {
	return s.vault.Remove(ctx, s.slot("entry", name))
}

func (s *Shared) Lock(ctx context.Context, name string) (unlock func(), ok bool, err error) {
	return s.vault.Lock(ctx, s.slot("lock", name), lockTime)
}
