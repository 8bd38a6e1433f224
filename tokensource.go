package dss

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The times of stored tokens.
const (
	checkEvery = time.Hour        // how often Stack Exchange is asked whether a token is valid, at most
	renewTime  = 10 * time.Minute // a person signs in again when less is left
)

// ErrNoToken means that there is no valid token in the storage, and nobody to sign in.
var ErrNoToken = errors.New("dss: there is no valid token, and nobody here to sign in")

// AccountError means that it is not clear, or not right, whose token is wanted.
type AccountError struct {
	// Accounts are those that may be meant, or the one that has signed in.
	Accounts []Account
	// Wanted is [TokenSource.Account] if another one has signed in.
	Wanted string
}

// Error implements error.
func (e *AccountError) Error() string {
	var names []string
	for _, a := range e.Accounts {
		names = append(names, strings.TrimSpace(strconv.FormatInt(a.ID, 10)+" "+a.Name))
	}
	all := strings.Join(names, ", ")
	if e.Wanted != "" {
		return fmt.Sprintf("dss: the account that has signed in is %s, not %q; its token is stored", all, e.Wanted)
	}
	return "dss: several accounts are stored: " + all
}

// TokenSource returns valid tokens of the users of an app. It keeps them in a storage, asks
// Stack Exchange whether they are valid when they are stored and then at most once an hour, and
// signs users in when that is needed. It is safe for concurrent use; of many that use one
// storage, in any processes, one at a time signs a user in to an app.
type TokenSource struct {
	// Client is that of the app.
	Client *Client
	// Storage is where tokens are kept.
	Storage Storage
	// Account is whose token is wanted: their number, or their name on Stack
	// Overflow. If it is empty, it is the only account that is stored.
	Account string
	// SignIn signs a user in, such as [Client.SignIn]. If it is nil, nobody is there to
	// do so.
	SignIn func(context.Context) (*Token, error)
}

func (s *TokenSource) app() storedApp {
	return storedApp{Server: s.Client.server.String(), ClientID: s.Client.config.ClientID}
}

// Token returns a valid token with the client's scopes. When less than ten minutes are left, it
// signs the user in again; if nobody is there, it returns the old token until it ends. Errors
// are [ErrNoToken], an [*AccountError], and those of the storage and SignIn.
func (s *TokenSource) Token(ctx context.Context) (*Token, error) {
	token, fresh, err := s.stored(ctx)
	if err != nil || fresh {
		return token, err
	}
	if s.SignIn == nil {
		return nil, ErrNoToken
	}
	unlock, err := lockIn(ctx, s.Storage, "sign in "+nameOf(s.app()))
	if err != nil {
		return nil, err
	}
	defer unlock()
	token, fresh, err = s.stored(ctx) // somebody may have signed in meanwhile
	if err != nil || fresh {
		return token, err
	}
	next, err := s.SignIn(ctx)
	if token != nil && (errors.Is(err, ErrUnreachable) || errors.Is(err, ErrThrottled)) {
		return token, nil // it is valid for some minutes
	}
	if err != nil {
		return nil, err
	}
	account, err := s.Store(ctx, next)
	if err != nil {
		return nil, err
	}
	if name := strconv.FormatInt(account.ID, 10); s.Account != "" && s.Account != name && s.Account != account.Name {
		return nil, &AccountError{Accounts: []Account{*account}, Wanted: s.Account}
	}
	return next, nil
}

// stored returns the token in the storage, nil if there is none that can be used, and
// whether it is good enough for whoever is there.
func (s *TokenSource) stored(ctx context.Context) (token *Token, fresh bool, err error) {
	all, err := loadFrom(s.Storage, nameOf(s.app()))
	if err != nil {
		return nil, false, err
	}
	found, err := all.find(s.Account, s.app())
	if err == nil && found.isUsable(s.Client.config.Scopes) && found.isDue() {
		found, err = s.check(ctx)
	}
	if err != nil || !found.isUsable(s.Client.config.Scopes) {
		return nil, false, err
	}
	ends := !found.Expires.IsZero() && time.Until(found.Expires) < renewTime
	return found.token(), !ends || s.SignIn == nil, nil
}

// isUsable reports whether a token has not ended and allows what is asked for.
func (t *storedToken) isUsable(scopes []string) bool {
	if t == nil || !t.Expires.IsZero() && !time.Now().Before(t.Expires) {
		return false
	}
	return !slices.ContainsFunc(scopes, func(scope string) bool {
		return !slices.Contains(t.Scopes, scope) && !(scope == noExpiry && t.Expires.IsZero())
	})
}

// noExpiry is the scope of tokens that never end.
const noExpiry = "no_expiry"

// isDue reports whether Stack Exchange has not been asked for an hour. A clock may have been
// set back.
func (t *storedToken) isDue() bool {
	since := time.Since(t.Checked)
	return since >= checkEvery || since < 0
}

// check asks Stack Exchange whether the stored token is valid, unless somebody else has done
// so meanwhile. A token that is not is removed. Without an answer, it counts as valid until the
// next check.
func (s *TokenSource) check(ctx context.Context) (found *storedToken, err error) {
	err = s.change(ctx, func(all *stored) error {
		if found, err = all.find(s.Account, s.app()); err != nil {
			return err
		}
		if found == nil || !found.isDue() {
			return errUnchanged
		}
		info, err := s.Client.Inspect(ctx, found.AccessToken)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, ErrInvalidToken), err == nil && info.AccountID != found.AccountID:
			all.remove(found.AccountID)
			found = nil
			return nil
		case err == nil:
			found.DisplayName, found.Expires = info.DisplayName, info.Expires
		}
		found.Checked = time.Now()
		all.put(*found)
		return nil
	})
	return found, err
}

// Store asks Stack Exchange whose a token is, and stores it in place of the one that this
// account had. If that cannot be done, the token is invalidated. Errors are those of
// [Client.Inspect] and the storage.
func (s *TokenSource) Store(ctx context.Context, token *Token) (*Account, error) {
	account, err := s.store(ctx, token)
	if err == nil {
		return account, nil
	}
	if endErr := s.Client.discard(token); endErr != nil {
		return nil, fmt.Errorf("%w; the token is valid until it expires: %w", err, endErr)
	}
	return nil, err
}

func (s *TokenSource) store(ctx context.Context, token *Token) (*Account, error) {
	info, err := s.Client.Inspect(ctx, token.AccessToken.Reveal())
	if err != nil {
		return nil, err
	}
	next := storedToken{
		AccountID: info.AccountID, DisplayName: info.DisplayName, AccessToken: token.AccessToken.Reveal(),
		Scopes: union(token.Scopes, info.Scopes), Expires: info.Expires, Checked: time.Now(),
	}
	if err := s.change(ctx, func(all *stored) error { all.put(next); return nil }); err != nil {
		return nil, err
	}
	account := next.account(s.app())
	return &account, nil
}

// union returns the names in a, and those in b that are not.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// Forget invalidates a token at Stack Exchange and removes it from the storage. If it is empty,
// it is that of the account. Errors are [ErrNoToken] if that is not stored, an [*AccountError],
// and those of [Client.Invalidate] and the storage; then it is still stored.
func (s *TokenSource) Forget(ctx context.Context, token string) error {
	return s.change(ctx, func(all *stored) error {
		found, err := all.find(s.Account, s.app())
		if token != "" {
			found, err = all.findToken(token), nil
		}
		switch {
		case err != nil:
			return err
		case found == nil && token == "":
			return ErrNoToken
		case found == nil:
			return cmp.Or(s.Client.Invalidate(ctx, token), errUnchanged)
		}
		if err := s.Client.Invalidate(ctx, found.AccessToken); err != nil {
			return err
		}
		all.remove(found.AccountID)
		return nil
	})
}

// errUnchanged is what a change returns that changes nothing.
var errUnchanged = errors.New("unchanged")

// change changes what is stored for the app, while nobody else does.
func (s *TokenSource) change(ctx context.Context, do func(*stored) error) error {
	name := nameOf(s.app())
	unlock, err := lockIn(ctx, s.Storage, name)
	if err != nil {
		return err
	}
	defer unlock()
	all, err := loadFrom(s.Storage, name)
	if err != nil {
		return err
	}
	if err := do(&all); err != nil {
		if err == errUnchanged {
			return nil
		}
		return err
	}
	if len(all.Tokens) > 0 { // an app that is not listed would not be found again
		err = listApp(ctx, s.Storage, s.app(), true)
	}
	if err == nil {
		err = all.saveTo(s.Storage, name)
	}
	if err == nil && len(all.Tokens) == 0 {
		err = listApp(ctx, s.Storage, s.app(), false)
	}
	return err
}
