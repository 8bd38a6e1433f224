package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

const target = "vscode://acme.inbox/callback"

// withTarget lets client 7 use target.
var withTarget = oauth.Config{Target: func(clientID, redirectURI string) bool { return clientID == "7" && redirectURI == target }}

// delivery runs a sign-in to the target up to the user's decision.
func (w world) delivery(t *testing.T, r oauth.AuthorizationRequest) (state, receipt string) {
	t.Helper()
	r.ClientID, r.RedirectURI, r.CodeChallenge, r.State = "7", target, challenge, "st"
	address, err := w.Authorize(t.Context(), r, browser)
	if err != nil {
		t.Fatal(err)
	}
	state = stateIn(t, address)
	outcome, err := w.Callback(t.Context(), state, oauth.Answer{Code: "C"}, browser)
	if err != nil || !outcome.Asks || outcome.Redirect != "" || outcome.Receipt == "" {
		t.Fatalf("callback: %+v, %v", outcome, err)
	}
	return state, outcome.Receipt
}

// deliver is the user's click, and returns the code that the app gets.
func (w world) deliver(t *testing.T, receipt string) secret.Text {
	t.Helper()
	address, err := w.Deliver(t.Context(), receipt, browser)
	if err != nil || !strings.HasPrefix(address, target+"?") {
		t.Fatalf("%s, %v", address, err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return secret.New(u.Query().Get("code"))
}

func (w world) redeemAt(redirectURI string, code secret.Text) (oauth.Token, error) {
	return w.Redeem(context.Background(), oauth.Exchange{ClientID: "7", RedirectURI: redirectURI, Code: code, Verifier: secret.New(verifier)})
}

// TestDelivery at two servers: it can be repeated, and ends with the token or by time.
func TestDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := withTarget
		config.Shared = true
		worlds := newWorlds(2, config)
		_, receipt := worlds[0].delivery(t, oauth.AuthorizationRequest{})
		code := worlds[1].deliver(t, receipt)
		if again := worlds[0].deliver(t, receipt); again.Reveal() != code.Reveal() {
			t.Error("a second click brings another code")
		}
		if _, err := worlds[0].redeemAt("http://127.0.0.1:1/", code); !errors.Is(err, oauth.ErrInvalidGrant) {
			t.Errorf("another redirect URI: %v", err)
		}
		if token, err := worlds[1].redeemAt(target, code); err != nil || token.AccessToken.Reveal() != "token-of-C" {
			t.Errorf("%v, %v", token, err)
		}
		if d, err := worlds[0].FindDelivery(t.Context(), receipt, browser); err != nil || d.Progress != oauth.PickedUp || d.Refusal != "" {
			t.Errorf("in the end: %+v, %v", d, err)
		}
		if _, err := worlds[0].Deliver(t.Context(), receipt, browser); err != oauth.ErrUnknown {
			t.Errorf("too late: %v", err)
		}
		_, receipt = worlds[0].delivery(t, oauth.AuthorizationRequest{})
		time.Sleep(worlds[0].Life())
		if _, err := worlds[0].Deliver(t.Context(), receipt, browser); err != oauth.ErrUnknown {
			t.Errorf("expired: %v", err)
		}
	})
}

// TestStopOfADelivery is final: no other approval brings a code.
func TestStopOfADelivery(t *testing.T) {
	for _, direct := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorlds(1, withTarget)[0]
			state, receipt := w.delivery(t, oauth.AuthorizationRequest{Direct: direct})
			code := w.deliver(t, receipt)
			if how, err := w.Stop(t.Context(), receipt, browser); how != oauth.Unused || err != nil {
				t.Errorf("Stop = %s, %v", how, err)
			}
			for _, answer := range []oauth.Answer{{Code: "C"}, {Code: "D"}, {Error: "access_denied"}} {
				if outcome, err := w.Callback(t.Context(), state, answer, browser); err != nil || !outcome.Asks || outcome.Redirect != "" {
					t.Errorf("%+v: %+v, %v", answer, outcome, err)
				}
			}
			d, err := w.FindDelivery(t.Context(), receipt, browser)
			if err != nil || d.Progress != oauth.Unused || d.Direct != direct || !strings.HasPrefix(d.Refusal, target+"?error=access_denied&") {
				t.Errorf("%+v, %v", d, err)
			}
			if _, err := w.Deliver(t.Context(), receipt, browser); err != oauth.ErrUnknown {
				t.Errorf("Deliver: %v", err)
			}
			if _, err := w.redeemAt(target, code); !errors.Is(err, oauth.ErrInvalidGrant) {
				t.Errorf("the code: %v", err)
			}
			if n := w.upstream.calls.Load(); n != 0 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

// TestStopWhileACodeIsRedeemed: the app gets no token, and the one that came has ended.
func TestStopWhileACodeIsRedeemed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		upstream := &slow{redeem: make(chan *http.Response), invalid: func() *http.Response { return respond(200, itemOf) }}
		config := withTarget
		config.TTL, config.Issuer, config.CallbackURL = 15*time.Minute, "https://dss.example", "https://dss.example/oauth/callback"
		w := world{Service: oauth.New(sealed.NewVault(memory.New(store.Limits{})), stackexchange.New(stackexchange.Config{
			BaseURL: &url.URL{Scheme: "https", Host: "se.example"}, APIURL: &url.URL{Scheme: "https", Host: "api.se.example"}, Transport: upstream,
		}), config)}
		_, receipt := w.delivery(t, oauth.AuthorizationRequest{})
		code := w.deliver(t, receipt)
		got := make(chan error)
		go func() {
			_, err := w.redeemAt(target, code)
			got <- err
		}()
		synctest.Wait()
		stopped := make(chan oauth.Progress)
		go func() {
			how, err := w.Stop(context.Background(), receipt, browser)
			if err != nil {
				t.Error(err)
			}
			stopped <- how
		}()
		synctest.Wait()
		upstream.redeem <- respond(http.StatusOK, `{"access_token":"TOKEN","expires":86400}`)
		if err := <-got; !errors.Is(err, oauth.ErrInvalidGrant) {
			t.Errorf("the app gets %v", err)
		}
		if how := <-stopped; how != oauth.Undone || len(upstream.ended) != 1 {
			t.Errorf("Stop = %s after %d calls", how, len(upstream.ended))
		}
	})
}

// TestDeliveryOfOthers: nobody but its browser has a delivery, and not every sign-in
// is one.
func TestDeliveryOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorlds(1, withTarget)[0]
		_, receipt := w.delivery(t, oauth.AuthorizationRequest{})
		for _, who := range []oauth.Browser{otherBrowser, nobody} {
			if _, err := w.Deliver(t.Context(), receipt, who); err != oauth.ErrWrongBrowser {
				t.Errorf("Deliver: %v", err)
			}
			if d, err := w.FindDelivery(t.Context(), receipt, who); err != oauth.ErrWrongBrowser || d.ClientID != "" {
				t.Errorf("FindDelivery: %+v, %v", d, err)
			}
		}
		_, device := w.approved(t)
		if _, err := w.Deliver(t.Context(), device, browser); err != oauth.ErrUnknown {
			t.Errorf("a device: %v", err)
		}
		for client, uri := range map[string]string{"8": target, "7": target + "/", "": target} {
			if err := w.CheckClient(client, uri); err == nil {
				t.Errorf("%s of %q is fine", uri, client)
			}
		}
	})
}
