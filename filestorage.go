package dss

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// FileStorage is a [Storage] in a folder, which it creates: a file tokens.json that only its user
// can read, and files that are locks. A program that keeps the texts elsewhere, such as in the
// system's key chain, can embed it for its Lock.
type FileStorage string

// tokenTexts is what is in the file, by name.
type tokenTexts map[string]string

// Load implements [Storage].
func (f FileStorage) Load(name string) (text string, ok bool, err error) {
	texts, err := f.read()
	text, ok = texts[name]
	return text, ok, err
}

// Save implements [Storage].
func (f FileStorage) Save(name, text string) error {
	return f.change(func(texts tokenTexts) { texts[name] = text })
}

// Delete implements [Storage].
func (f FileStorage) Delete(name string) error {
	return f.change(func(texts tokenTexts) { delete(texts, name) })
}

// change replaces the file while nobody else does.
func (f FileStorage) change(do func(tokenTexts)) error {
	unlock, err := f.Lock(context.Background(), f.path())
	if err != nil {
		return err
	}
	defer unlock()
	texts, err := f.read()
	if err != nil {
		return err
	}
	do(texts)
	content, err := json.MarshalIndent(texts, "", "  ")
	if err != nil {
		return err
	}
	return f.replace(append(content, '\n'))
}

func (f FileStorage) path() string { return filepath.Join(string(f), "tokens.json") }

// read returns what is in the file. Others must not be able to read it.
func (f FileStorage) read() (tokenTexts, error) {
	info, err := os.Stat(f.path())
	if errors.Is(err, fs.ErrNotExist) {
		return tokenTexts{}, nil
	}
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s has access tokens in it and can be read by others; run chmod 600 on it", f.path())
	}
	content, err := os.ReadFile(f.path())
	if err != nil {
		return nil, err
	}
	texts := tokenTexts{}
	if json.Unmarshal(content, &texts) != nil || texts == nil {
		return nil, fmt.Errorf("%s is not a file of dss; it stays as it is", f.path())
	}
	return texts, nil
}

// replace writes a new file, and then puts it in place of the old one.
func (f FileStorage) replace(content []byte) error {
	next, err := os.CreateTemp(string(f), "tokens-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = next.Write(content)
	err = errors.Join(err, next.Sync(), next.Close())
	if err == nil {
		err = os.Rename(next.Name(), f.path())
	}
	if err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return nil
}

// lockPause is how long to wait before a lock is tried again.
const lockPause = 50 * time.Millisecond

// Lock implements [Storage]. The files of locks stay: removing one would break a lock that somebody
// else takes at that moment.
func (f FileStorage) Lock(ctx context.Context, name string) (unlock func(), err error) {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(name))
	path := filepath.Join(string(f), "lock-"+hex.EncodeToString(sum[:8]))
	ticker := time.NewTicker(lockPause)
	defer ticker.Stop()
	for {
		file, err := openLock(path)
		if err != nil {
			return nil, err
		}
		if file != nil {
			return func() { file.Close() }, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
