package oauth_test

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// startDirect starts a sign-in whose app redeems the code itself.
func (w world) startDirect(t *testing.T) (state string) {
	t.Helper()
	address, err := w.Authorize(t.Context(), oauth.AuthorizationRequest{
		ClientID: "7", RedirectURI: "http://127.0.0.1:1/", CodeChallenge: challenge, State: "st", Direct: true,
	}, browser)
	if err != nil {
		t.Fatal(err)
	}
	return stateIn(t, address)
}

// back has the browser come back, and returns what the app gets.
func (w world) back(t *testing.T, state string, answer oauth.Answer) url.Values {
	t.Helper()
	outcome, err := w.Callback(t.Context(), state, answer, browser)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(outcome.Redirect)
	if err != nil || u.Query().Get("state") != "st" || u.Query().Get("iss") != "https://dss.example" {
		t.Errorf("%s, %v", outcome.Redirect, err)
	}
	return u.Query()
}

// TestDirect hands on each code as it comes, as often as the browser brings it, for
// as long as the sign-in lasts, and calls nobody.
func TestDirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []oauth.Event
		w := newWorlds(1, oauth.Config{Observe: func(_ context.Context, e oauth.Event) { events = append(events, e) }})[0]
		state := w.startDirect(t)
		if got := w.back(t, state, oauth.Answer{Error: "access_denied"}); got.Get("error") != "access_denied" {
			t.Errorf("%v", got)
		}
		for _, answer := range []oauth.Answer{
			{Code: "one"}, {Code: "one"}, {Error: "access_denied"}, {Code: "two"}, {Code: "two"}, {Error: "server_error"},
		} {
			want := answer.Code
			if want == "" {
				want = map[string]string{"access_denied": "one", "server_error": "two"}[answer.Error]
			}
			if got := w.back(t, state, answer); got.Get("code") != want || got.Has("error") {
				t.Errorf("%v, want the code %s", got, want)
			}
		}
		time.Sleep(15*time.Minute - time.Second)
		if got := w.back(t, state, oauth.Answer{Code: "two"}); got.Get("code") != "two" {
			t.Errorf("%v", got)
		}
		time.Sleep(2 * time.Minute)
		if _, err := w.Callback(t.Context(), state, oauth.Answer{Code: "two"}, browser); !errors.Is(err, oauth.ErrUnknown) {
			t.Errorf("after the sign-in: %v", err)
		}
		if w.upstream.calls.Load() != 0 {
			t.Error("the server has called Stack Exchange")
		}
		for i, step := range []oauth.Step{oauth.Started, oauth.Declined, oauth.Approved} {
			if len(events) != 3 || events[i].Grant != oauth.DirectGrant || events[i].Step != step {
				t.Fatalf("observed %v", events)
			}
		}
	})
}

// TestDirectIsBoundToItsBrowser as every sign-in is.
func TestDirectIsBoundToItsBrowser(t *testing.T) {
	w := newWorld()
	state := w.startDirect(t)
	for _, other := range []oauth.Browser{otherBrowser, nobody} {
		if _, err := w.Callback(t.Context(), state, oauth.Answer{Code: "c"}, other); !errors.Is(err, oauth.ErrWrongBrowser) {
			t.Errorf("%v", err)
		}
	}
	if got := w.back(t, state, oauth.Answer{Code: "c"}); got.Get("code") != "c" {
		t.Errorf("%v", got)
	}
}

// TestServerCannotRedeemDirectly: nothing that is known of such a sign-in is a code
// at the token endpoint, with the right verifier too.
func TestServerCannotRedeemDirectly(t *testing.T) {
	recorded := &recordingStore{Store: memory.New(store.Limits{})}
	w := newWorldsOn(recorded, 1, oauth.Config{})[0]
	state := w.startDirect(t)
	w.back(t, state, oauth.Answer{Code: "canary-code"})
	for _, code := range []string{"canary-code", state, state[len("dss."):], ""} {
		if token, err := w.redeem(t.Context(), secret.New(code)); !errors.Is(err, oauth.ErrInvalidGrant) {
			t.Errorf("%q: %v, %v", code, token, err)
		}
	}
	for _, value := range recorded.values {
		for _, text := range []string{"canary-code", state, "http://127.0.0.1:1/"} {
			if bytes.Contains(value, []byte(text)) {
				t.Errorf("%q is stored in clear", text)
			}
		}
	}
	if len(recorded.values) != 2 || w.upstream.calls.Load() != 0 {
		t.Errorf("%d values, %d calls", len(recorded.values), w.upstream.calls.Load())
	}
}
