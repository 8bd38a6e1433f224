package dss_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss"
)

// shelf is a storage in memory.
type shelf struct {
	mu    sync.Mutex
	texts map[string]string
	locks map[string]chan struct{}
	err   error // of Save
}

func newShelf() *shelf { return &shelf{texts: map[string]string{}, locks: map[string]chan struct{}{}} }

// Load implements [dss.Storage].
func (s *shelf) Load(name string) (string, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok := s.texts[name]
	return text, ok, nil
}

// Save implements [dss.Storage].
func (s *shelf) Save(name, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.texts[name] = text
	}
	return s.err
}

// Delete implements [dss.Storage].
func (s *shelf) Delete(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.texts, name)
	return nil
}

// Lock implements [dss.Storage].
func (s *shelf) Lock(ctx context.Context, name string) (func(), error) {
	s.mu.Lock()
	lock, ok := s.locks[name]
	if !ok {
		lock = make(chan struct{}, 1)
		s.locks[name] = lock
	}
	s.mu.Unlock()
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// stackExchange is an API that knows tokens by their text: T7x1 is one of account 7.
type stackExchange struct {
	mu      sync.Mutex
	expires map[string]time.Time // of each valid token; zero: never
	checks  int
	ended   []string
	down    bool
}

// RoundTrip implements [http.RoundTripper].
func (s *stackExchange) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return refused(r)
	}
	_, rest, isToken := strings.Cut(r.URL.Path, "/access-tokens/")
	if !isToken {
		return says(http.StatusOK, `{"items":[{"display_name":"User"}]}`)(r)
	}
	text, method, _ := strings.Cut(rest, "/")
	expires, ok := s.expires[text]
	if method == "invalidate" {
		delete(s.expires, text)
		s.ended = append(s.ended, text)
	} else {
		s.checks++
	}
	if !ok || !expires.IsZero() && !time.Now().Before(expires) {
		return says(http.StatusOK, `{"items":[]}`)(r)
	}
	date := ""
	if !expires.IsZero() {
		date = fmt.Sprintf(`,"expires_on_date":%d`, expires.Unix())
	}
	account := strings.TrimPrefix(strings.Split(text, "x")[0], "T")
	return says(http.StatusOK, fmt.Sprintf(`{"items":[{"access_token":%q,"account_id":%s,"scope":["read_inbox"]%s}]}`, text, account, date))(r)
}

// issue returns a new token of an account, which ends after a time; 0: never.
func (s *stackExchange) issue(account int, life time.Duration, scopes ...string) *dss.Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprintf("T%dx%d", account, len(s.expires)+len(s.ended)+1)
	token := &dss.Token{AccessToken: dss.NewSecret(text), Scopes: scopes}
	if life > 0 {
		token.Expires = time.Now().Add(life)
	}
	s.expires[text] = token.Expires
	return token
}

// sourceWorld is a source of tokens in a bubble, whose user signs in at once.
type sourceWorld struct {
	*dss.TokenSource
	shelf    *shelf
	upstream *stackExchange
	signIns  int
	account  int
	life     time.Duration
}

func newSourceWorld(t *testing.T, scopes ...string) *sourceWorld {
	w := &sourceWorld{shelf: newShelf(), upstream: &stackExchange{expires: map[string]time.Time{}}, account: 7, life: 24 * time.Hour}
	w.TokenSource = &dss.TokenSource{Storage: w.shelf, Client: newClient(t, dss.Config{
		Server: "https://auth.example.org", ClientID: clientID, Scopes: scopes, HTTPClient: &http.Client{Transport: w.upstream},
	})}
	w.SignIn = func(context.Context) (*dss.Token, error) {
		w.signIns++
		time.Sleep(time.Minute)
		return w.upstream.issue(w.account, w.life, scopes...), nil
	}
	return w
}

// want gets a token, and checks how often somebody has signed in, and Stack Exchange been
// asked, until now.
func (w *sourceWorld) want(t *testing.T, text string, signIns, checks int) {
	t.Helper()
	token, err := w.Token(t.Context())
	if err != nil || token.AccessToken.Reveal() != text || w.signIns != signIns || w.upstream.checks != checks {
		t.Fatalf("%v, %v; %d sign-ins, %d checks, want %s, %d, %d", token, err, w.signIns, w.upstream.checks, text, signIns, checks)
	}
}

func (w *sourceWorld) wantError(t *testing.T, want error) {
	t.Helper()
	if token, err := w.Token(t.Context()); token != nil || !errors.Is(err, want) {
		t.Fatalf("%v, %v, want %v", token, err, want)
	}
}

// TestTokenSourceDay walks a token through its day.
func TestTokenSourceDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSourceWorld(t, "read_inbox")
		w.want(t, "T7x1", 1, 1)
		checked := time.Now()
		all, err := dss.Accounts(w.shelf)
		if err != nil || len(all) != 1 {
			t.Fatalf("%v, %v", all, err)
		}
		end := all[0].Expires
		time.Sleep(time.Until(checked.Add(time.Hour - time.Nanosecond)))
		w.want(t, "T7x1", 1, 1)
		time.Sleep(time.Nanosecond)
		w.want(t, "T7x1", 1, 2)
		w.want(t, "T7x1", 1, 2)
		time.Sleep(time.Until(end.Add(-30 * time.Minute)))
		w.want(t, "T7x1", 1, 3)
		time.Sleep(time.Until(end.Add(-10 * time.Minute)))
		w.want(t, "T7x1", 1, 3)
		time.Sleep(time.Second)
		person := w.SignIn
		w.SignIn = nil
		w.want(t, "T7x1", 1, 3)
		time.Sleep(time.Until(end.Add(-time.Second)))
		w.want(t, "T7x1", 1, 3)
		time.Sleep(time.Second)
		w.wantError(t, dss.ErrNoToken)
		w.SignIn = person
		w.want(t, "T7x2", 2, 4)
	})
}

// TestTokenSourceRenews while the old token is valid for less than ten minutes.
func TestTokenSourceRenews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSourceWorld(t)
		w.life = 9 * time.Minute
		w.want(t, "T7x1", 1, 1)
		w.life = 24 * time.Hour
		w.want(t, "T7x2", 2, 2)
		w.want(t, "T7x2", 2, 2)

		// Nobody can sign in at the moment.
		time.Sleep(23*time.Hour + 55*time.Minute)
		w.SignIn = func(context.Context) (*dss.Token, error) { return nil, dss.ErrUnreachable }
		w.want(t, "T7x2", 2, 3)
		w.SignIn = func(context.Context) (*dss.Token, error) { return nil, dss.ErrAccessDenied }
		w.wantError(t, dss.ErrAccessDenied)
	})
}

// TestTokenSourceChecks: a token that has been withdrawn is not returned for longer than an
// hour; an outage of Stack Exchange does not matter.
func TestTokenSourceChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSourceWorld(t)
		w.life = 0
		w.want(t, "T7x1", 1, 1)
		w.upstream.down = true
		time.Sleep(time.Hour)
		w.want(t, "T7x1", 1, 1)
		w.upstream.down = false
		w.want(t, "T7x1", 1, 1)
		delete(w.upstream.expires, "T7x1")
		time.Sleep(time.Hour)
		w.want(t, "T7x1", 2, 3) // the number is free again
		delete(w.upstream.expires, "T7x1")
		w.SignIn = nil
		time.Sleep(time.Hour)
		w.wantError(t, dss.ErrNoToken)
		if len(w.shelf.texts) != 0 {
			t.Errorf("stored is %v", w.shelf.texts)
		}
	})
}

// TestTokenSourceScopes: a token that does not allow what the app asks for is not enough.
func TestTokenSourceScopes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSourceWorld(t, "read_inbox")
		w.want(t, "T7x1", 1, 1)
		more := newSourceWorld(t, "read_inbox", "no_expiry")
		more.Storage, more.upstream.expires = w.shelf, w.upstream.expires
		more.life = 0
		more.want(t, "T7x2", 1, 1)
		more.want(t, "T7x2", 1, 1)
		w.SignIn = nil
		w.want(t, "T7x2", 1, 1)
	})
}

// TestTokenSourceAccounts has several.
func TestTokenSourceAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSourceWorld(t)
		w.want(t, "T7x1", 1, 1)
		w.account, w.Account = 8, "8"
		w.want(t, "T8x2", 2, 2)
		w.Account = "7"
		w.want(t, "T7x1", 2, 2)
		for _, account := range []string{"", "User"} { // which both are called
			w.Account = account
			_, err := w.Token(t.Context())
			if several, ok := errors.AsType[*dss.AccountError](err); !ok || len(several.Accounts) != 2 || several.Wanted != "" {
				t.Errorf("%q: %v", account, err)
			}
			if err := w.Forget(t.Context(), ""); err == nil {
				t.Errorf("%q is forgotten", account)
			}
		}
		// Somebody else signs in than who was wanted: the token is theirs, and stays.
		w.Account, w.account = "9", 10
		_, err := w.Token(t.Context())
		if other, ok := errors.AsType[*dss.AccountError](err); !ok || other.Wanted != "9" || other.Accounts[0].ID != 10 || strings.Contains(err.Error(), "T10") {
			t.Errorf("%v", err)
		}
		all, err := dss.Accounts(w.shelf)
		if err != nil || len(all) != 3 || all[2].ID != 10 || all[2].ClientID != clientID || all[2].Name != "User" || all[2].Server != "https://auth.example.org" {
			t.Errorf("%+v, %v", all, err)
		}
		for _, account := range []string{"7", "8", "10"} {
			w.Account = account
			if err := w.Forget(t.Context(), ""); err != nil {
				t.Error(err)
			}
			if err := w.Forget(t.Context(), ""); !errors.Is(err, dss.ErrNoToken) {
				t.Error(err)
			}
		}
		if len(w.upstream.expires) != 0 || len(w.shelf.texts) != 0 {
			t.Errorf("left are %v and %v", w.upstream.expires, w.shelf.texts)
		}
	})
}

// TestForget ends a token that is given, stored or not; one that cannot be ended stays.
func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSourceWorld(t)
		w.want(t, "T7x1", 1, 1)
		other := w.upstream.issue(8, time.Hour).AccessToken.Reveal()
		if err := w.Forget(t.Context(), other); err != nil || len(w.shelf.texts) != 2 {
			t.Errorf("%v, %v", err, w.shelf.texts)
		}
		w.upstream.down = true
		if err := w.Forget(t.Context(), "T7x1"); !errors.Is(err, dss.ErrUnreachable) || len(w.shelf.texts) != 2 {
			t.Errorf("%v, %v", err, w.shelf.texts)
		}
		w.upstream.down = false
		if err := w.Forget(t.Context(), "T7x1"); err != nil || len(w.shelf.texts) != 0 || len(w.upstream.expires) != 0 {
			t.Errorf("%v, %v", err, w.shelf.texts)
		}
	})
}

// TestTokenSourceOnce: of many at once, one signs in, and one checks.
func TestTokenSourceOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSourceWorld(t)
		for round := range 2 {
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() {
					if token, err := w.Token(t.Context()); err != nil || token.AccessToken.Reveal() != "T7x1" {
						t.Errorf("%v, %v", token, err)
					}
				})
			}
			all.Wait()
			if w.signIns != 1 || w.upstream.checks != 1+round {
				t.Errorf("%d sign-ins, %d checks", w.signIns, w.upstream.checks)
			}
			time.Sleep(time.Hour)
		}
		// A caller that waits for the sign-in of another can give up.
		w.Account = "8"
		go w.Token(t.Context())
		synctest.Wait()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errGaveUp)
		defer cancel()
		if _, err := w.Token(ctx); !errors.Is(err, errGaveUp) {
			t.Error(err)
		}
		time.Sleep(time.Minute)
	})
}

// TestForeignEntries stay as they are, and are not shown.
func TestForeignEntries(t *testing.T) {
	const name = clientID + "@https://auth.example.org"
	for _, text := range []string{
		"", "hunter2", "{", "{}", "null", `{"version":2}`, `{"version":1,"more":"hunter2"}`, `{"version":1} {"version":1}`,
		`{"version":1,"tokens":[{"account_id":7,"access_token":"a/../hunter2"}]}`, `{"version":1,"tokens":[{"access_token":"T7x1"}]}`,
	} {
		for _, at := range []string{name, "apps"} {
			synctest.Test(t, func(t *testing.T) {
				w := newSourceWorld(t)
				w.shelf.texts[at] = text
				token, err := w.Token(t.Context())
				if token != nil || err == nil || !strings.Contains(err.Error(), `"`+at+`" was not written by`) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%s: %v, %v", text, token, err)
				}
				if w.shelf.texts[at] != text {
					t.Errorf("%s has become %s", text, w.shelf.texts[at])
				}
				if _, err := dss.Accounts(w.shelf); (err == nil) != (at == name) {
					t.Errorf("%s: %v", text, err)
				}
			})
		}
	}
}

// TestNotStored: a token that cannot be stored is not left behind.
func TestNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSourceWorld(t)
		w.shelf.err = errors.New("the disk is full")
		w.wantError(t, w.shelf.err)
		if len(w.upstream.expires) != 0 {
			t.Error("a token is left")
		}
	})
}
