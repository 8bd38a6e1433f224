package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	keyring "github.com/zalando/go-keyring"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/cli"
)

// keep says where tokens are stored.
type keep struct{ insecure bool }

func (k *keep) flags(f *cli.Flags) {
	f.BoolVar(&k.insecure, "insecure-storage",
		"store tokens in a file that only you can read, in place of the system's key chain")
}

// storage returns the key chain, or the file. The locks of both are files in a folder of
// the user's configuration.
func (k *keep) storage() (dss.Storage, error) {
	folder, err := os.UserConfigDir()
	if err != nil {
		return nil, fmt.Errorf("there is no folder for stored tokens: %w", err)
	}
	files := dss.FileStorage(filepath.Join(folder, "dss"))
	if k.insecure {
		return files, nil
	}
	return keyChain{files}, nil
}

// keyChain is the system's: Secret Service, Keychain or Credential Manager. All entries have
// the service dss, and the name as their user.
type keyChain struct{ dss.FileStorage }

const keyChainService = "dss"

// Load implements [dss.Storage].
func (keyChain) Load(name string) (text string, ok bool, err error) {
	err = inTime(func() (err error) {
		text, err = keyring.Get(keyChainService, name)
		return err
	})
	if errors.Is(err, keyring.ErrNotFound) {
		return "", false, nil
	}
	return text, err == nil, noKeyChain(err)
}

// Save implements [dss.Storage].
func (keyChain) Save(name, text string) error {
	err := inTime(func() error { return keyring.Set(keyChainService, name, text) })
	if errors.Is(err, keyring.ErrSetDataTooBig) {
		return errors.New("the key chain takes no more accounts of this app; end one with dss logout --account")
	}
	return noKeyChain(err)
}

// Delete implements [dss.Storage].
func (keyChain) Delete(name string) error {
	err := inTime(func() error { return keyring.Delete(keyChainService, name) })
	if errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	return noKeyChain(err)
}

func noKeyChain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the system's key chain cannot be used: %w; --insecure-storage uses a file", err)
}

// keyChainTime is how long a person may take to unlock the key chain.
const keyChainTime = 2 * time.Minute

// inTime runs a call of the key chain, which may never return where nobody can unlock it. Its
// goroutine ends with that, or with the process.
func inTime(call func() error) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	timer := time.NewTimer(keyChainTime)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return errors.New("it does not answer; it may be locked")
	}
}
