package oauth_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/oauth"
)

// TestObserve wants each step of a sign-in told once, whatever is repeated,
// and every step of one sign-in under one name.
func TestObserve(t *testing.T) {
	var told, names []string
	w := newWorlds(1, oauth.Config{Observe: func(_ context.Context, e oauth.Event) {
		told = append(told, fmt.Sprint(e.Grant, " ", e.Step))
		names = append(names, e.SignIn.Reveal())
		if strings.Contains(fmt.Sprintf("%+v", e), e.SignIn.Reveal()) {
			t.Error("an event shows its sign-in when it is printed")
		}
	}})[0]
	expect := func(want ...string) {
		t.Helper()
		if !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
		if len(slices.Compact(names)) != 1 || names[0] == "" {
			t.Errorf("the steps of one sign-in have the names %q", names)
		}
		told, names = nil, nil
	}

	a := w.device(t)
	address, err := w.Continue(t.Context(), a.UserCode, browser)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the user reloads
		if _, err := w.Callback(t.Context(), stateIn(t, address), oauth.Answer{Code: "A"}, browser); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		_, _ = w.poll(t.Context(), a)
	}
	expect("device started", "device approved", "device redeemed")

	a = w.device(t)
	for range 2 {
		_ = w.Decline(t.Context(), a.UserCode)
	}
	expect("device started", "device declined")

	code := w.codeFor(t, "B")
	for range 2 {
		_, _ = w.redeem(t.Context(), code)
	}
	expect("code started", "code approved", "code redeemed")

	code = w.codeFor(t, "B") // which Stack Exchange has redeemed already
	for range 2 {
		_, _ = w.redeem(t.Context(), code)
	}
	expect("code started", "code approved", "code refused")

	address, err = w.Authorize(t.Context(), oauth.AuthorizationRequest{
		ClientID: "7", RedirectURI: "http://127.0.0.1:1/", CodeChallenge: challenge,
	}, browser)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, _ = w.Callback(t.Context(), stateIn(t, address), oauth.Answer{Error: "access_denied"}, browser)
	}
	expect("code started", "code declined")
}
