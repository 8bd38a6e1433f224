package dss

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// Storage keeps texts under names, such as the system's key chain does. The texts have
// access tokens in them, in the open. It must be safe for concurrent use. [FileStorage] is one.
//
// Under the name 12345@https://auth.example.org are the tokens of the users of an app, and
// under "apps" is the list of such names.
type Storage interface {
	// Load returns the text under a name; ok is false if there is none.
	Load(name string) (text string, ok bool, err error)
	// Save replaces the text under a name.
	Save(name, text string) error
	// Delete removes the text under a name, if there is one.
	Delete(name string) error
	// Lock waits until nobody has the lock of a name, here or in another process that
	// uses the storage, and returns what gives it up. A lock ends with its process. Several
	// names are locked at a time: one lock for all of them waits forever.
	Lock(ctx context.Context, name string) (unlock func(), err error)
}

// Account is a user whose token is stored. Its texts can be shown.
type Account struct {
	Server, ClientID string // of the app
	// ID is the user's number on the Stack Exchange network, and Name their name on
	// Stack Overflow, which may be empty.
	ID   int64
	Name string
	// Scopes and Expires are those of the token; Expires is zero if it never does.
	Scopes  []string
	Expires time.Time
}

// storedToken is a token as it is stored.
type storedToken struct {
	AccountID   int64     `json:"account_id"`
	DisplayName string    `json:"display_name,omitempty"`
	AccessToken string    `json:"access_token"`
	Scopes      []string  `json:"scopes,omitempty"`
	Expires     time.Time `json:"expires_at,omitzero"`
	Checked     time.Time `json:"checked_at"`
}

// nameOf returns the name of an app in a [Storage].
func nameOf(app storedApp) string { return app.ClientID + "@" + app.Server }

type storedApp struct {
	Server   string `json:"server"`
	ClientID string `json:"client_id"`
}

// nameOfApps is the name of the list of apps.
const nameOfApps = "apps"

// storageVersion is in every text. A text of another version stays as it is.
const storageVersion = 1

// stored is a text in a [Storage]: of the tokens of an app, or the list of apps.
type stored struct {
	Version int           `json:"version"`
	Tokens  []storedToken `json:"tokens,omitempty"`
	Apps    []storedApp   `json:"apps,omitempty"`
}

// loadFrom returns what is stored under a name. A text that package dss has not written is
// an error, so that nobody overwrites it.
func loadFrom(storage Storage, name string) (stored, error) {
	text, ok, err := storage.Load(name)
	if err != nil || !ok {
		return stored{Version: storageVersion}, storageError(err)
	}
	var s stored
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&s) != nil || decoder.More() || s.Version != storageVersion || !s.isSound() {
		return stored{}, fmt.Errorf("dss: the entry %q was not written by this version of dss; it stays as it is", name)
	}
	return s, nil
}

func (s stored) isSound() bool {
	return !slices.ContainsFunc(s.Tokens, func(t storedToken) bool {
		return !stackexchange.IsToken(t.AccessToken) || t.AccountID <= 0
	})
}

// saveTo stores s, or nothing if it is empty.
func (s stored) saveTo(storage Storage, name string) error {
	if len(s.Tokens) == 0 && len(s.Apps) == 0 {
		return storageError(storage.Delete(name))
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return storageError(storage.Save(name, string(text)))
}

// lockIn takes a lock.
func lockIn(ctx context.Context, storage Storage, name string) (unlock func(), err error) {
	unlock, err = storage.Lock(ctx, name)
	return unlock, storageError(err)
}

func storageError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("dss: storage: %w", err)
}

// find returns the token of an account, by number or name; nil if there is none. With
// "", it is the only one. The error is an [*AccountError].
func (s stored) find(account string, app storedApp) (*storedToken, error) {
	var found []storedToken
	for _, t := range s.Tokens {
		if account == "" || strconv.FormatInt(t.AccountID, 10) == account || t.DisplayName == account {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return &found[0], nil
	}
	var accounts []Account
	for _, t := range found {
		accounts = append(accounts, t.account(app))
	}
	return nil, &AccountError{Accounts: accounts}
}

// findToken returns the account that has a token, nil if none has.
func (s stored) findToken(text string) *storedToken {
	i := slices.IndexFunc(s.Tokens, func(t storedToken) bool { return secret.Equal(t.AccessToken, text) })
	if i < 0 {
		return nil
	}
	return &s.Tokens[i]
}

// put replaces the token of an account, or adds it.
func (s *stored) put(token storedToken) {
	s.remove(token.AccountID)
	s.Tokens = append(s.Tokens, token)
	slices.SortFunc(s.Tokens, func(a, b storedToken) int { return cmp.Compare(a.AccountID, b.AccountID) })
}

func (s *stored) remove(account int64) {
	s.Tokens = slices.DeleteFunc(s.Tokens, func(t storedToken) bool { return t.AccountID == account })
}

func (t storedToken) account(app storedApp) Account {
	return Account{
		Server:   display.Clean(app.Server),
		ClientID: display.Clean(app.ClientID),
		ID:       t.AccountID,
		Name:     display.Clean(t.DisplayName),
		Scopes:   slices.Clone(t.Scopes),
		Expires:  t.Expires,
	}
}

func (t storedToken) token() *Token {
	return &Token{AccessToken: secret.New(t.AccessToken), Expires: t.Expires, Scopes: slices.Clone(t.Scopes)}
}

// Accounts returns the accounts in a storage, sorted by app. An app that cannot be read is in
// the error; the others are returned too.
func Accounts(storage Storage) ([]Account, error) {
	list, err := loadFrom(storage, nameOfApps)
	var accounts []Account
	for _, app := range list.Apps {
		s, loadErr := loadFrom(storage, nameOf(app))
		err = errors.Join(err, loadErr)
		for _, t := range s.Tokens {
			accounts = append(accounts, t.account(app))
		}
	}
	return accounts, err
}

// listApp adds an app to the list of apps, or removes it.
func listApp(ctx context.Context, storage Storage, app storedApp, listed bool) error {
	unlock, err := lockIn(ctx, storage, nameOfApps)
	if err != nil {
		return err
	}
	defer unlock()
	list, err := loadFrom(storage, nameOfApps)
	if err != nil || slices.Contains(list.Apps, app) == listed {
		return err
	}
	list.Apps = slices.DeleteFunc(list.Apps, func(one storedApp) bool { return one == app })
	if listed {
		list.Apps = append(list.Apps, app)
	}
	slices.SortFunc(list.Apps, func(a, b storedApp) int { return cmp.Compare(nameOf(a), nameOf(b)) })
	return list.saveTo(storage, nameOfApps)
}
