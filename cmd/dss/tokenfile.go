package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// tokenFile is a file that only its user can read, in place of a key chain.
type tokenFile struct {
	locks
	path string
}

// tokenTexts is what is in the file, by name.
type tokenTexts map[string]string

// Load implements [dss.Storage].
func (f tokenFile) Load(name string) (text string, ok bool, err error) {
	texts, err := f.read()
	text, ok = texts[name]
	return text, ok, err
}

// Save implements [dss.Storage].
func (f tokenFile) Save(name, text string) error {
	return f.change(func(texts tokenTexts) { texts[name] = text })
}

// Delete implements [dss.Storage].
func (f tokenFile) Delete(name string) error {
	return f.change(func(texts tokenTexts) { delete(texts, name) })
}

// change replaces the file while nobody else does.
func (f tokenFile) change(do func(tokenTexts)) error {
	unlock, err := f.Lock(context.Background(), f.path)
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

// read returns what is in the file. Others must not be able to read it.
func (f tokenFile) read() (tokenTexts, error) {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return tokenTexts{}, nil
	}
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s has access tokens in it and can be read by others; run chmod 600 on it", f.path)
	}
	content, err := os.ReadFile(f.path)
	if err != nil {
		return nil, err
	}
	texts := tokenTexts{}
	if json.Unmarshal(content, &texts) != nil || texts == nil {
		return nil, fmt.Errorf("%s is not a file of dss; it stays as it is", f.path)
	}
	return texts, nil
}

// replace writes a new file, and then puts it in place of the old one.
func (f tokenFile) replace(content []byte) error {
	next, err := os.CreateTemp(filepath.Dir(f.path), "tokens-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = next.Write(content)
	err = errors.Join(err, next.Sync(), next.Close())
	if err == nil {
		err = os.Rename(next.Name(), f.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return nil
}
