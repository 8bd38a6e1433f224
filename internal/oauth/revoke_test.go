package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// endCode is one, and endHash what an app sends of it.
var (
	endCode = secret.New("end." + strings.Repeat("A", 43))
	endHash = secret.S256(endCode)
)

// countedWorld returns a world and what counts how many entries are in its store.
func countedWorld() (world, func() int64) {
	counted := memory.New(store.Limits{})
	return newWorldsOn(counted, 1, withTarget)[0], func() int64 { n, _ := counted.Usage(); return n }
}

// begin starts a sign-in that can be ended, and returns its state.
func (w world) begin(t *testing.T, browser oauth.Browser, direct bool) string {
	t.Helper()
	address, err := w.Authorize(t.Context(), oauth.AuthorizationRequest{
		ClientID: "7", RedirectURI: "http://127.0.0.1:1/", CodeChallenge: challenge, State: "st", Direct: direct, End: endHash,
	}, browser)
	if err != nil {
		t.Fatal(err)
	}
	return stateIn(t, address)
}

// TestEnd ends a sign-in in the browsers that have begun it, and leaves nothing. That of
// one browser more works too, and ends with its time.
func TestEnd(t *testing.T) {
	for _, direct := range []bool{false, true} {
		w, entries := countedWorld()
		states := map[string]bool{}
		var last string
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			last = w.begin(t, as(name), direct)
			states[last] = true
		}
		if len(states) != 5 || entries() != 5 {
			t.Fatalf("%d states, %d entries", len(states), entries())
		}
		if err := w.End(t.Context(), "8", endCode); reasonOf(err) != "other_client" || entries() != 5 {
			t.Errorf("another client: %v, %d entries", err, entries())
		}
		if err := w.End(t.Context(), "7", secret.New("end."+strings.Repeat("B", 43))); err != nil || entries() != 5 {
			t.Errorf("another code: %v, %d entries", err, entries())
		}
		for range 2 {
			if err := w.End(t.Context(), "7", endCode); err != nil || entries() != 1 {
				t.Errorf("%v, %d entries", err, entries())
			}
		}
		for state := range states {
			_, err := w.Callback(t.Context(), state, oauth.Answer{Code: "c"}, as("e"))
			if want := state != last; errors.Is(err, oauth.ErrUnknown) != want {
				t.Errorf("its browser: %v", err)
			}
		}
	}
}

// TestEndOfWhatIsOver: a code that has been approved, or has led to a token, is worth nothing
// afterwards.
func TestEndOfWhatIsOver(t *testing.T) {
	for _, redeemed := range []bool{false, true} {
		w, entries := countedWorld()
		code := secret.New(w.back(t, w.begin(t, browser, false), oauth.Answer{Code: "c"}).Get("code"))
		if redeemed {
			if _, err := w.redeem(t.Context(), code); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.End(t.Context(), "", endCode); err != nil || entries() != 0 {
			t.Errorf("%v, %d entries", err, entries())
		}
		if _, err := w.redeem(t.Context(), code); reasonOf(err) != "unknown_code" {
			t.Errorf("the code: %v", err)
		}
	}
}

// TestEndWhileRedeeming changes nothing, so that no token is left that nobody has.
func TestEndWhileRedeeming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		upstream := &slow{redeem: make(chan *http.Response)}
		client := stackexchange.New(stackexchange.Config{Transport: upstream, Local: true})
		config := oauth.Config{Issuer: "https://dss.example"}
		w := world{Service: oauth.New(sealed.NewVault(memory.New(store.Limits{})), client, config), client: client}
		code := secret.New(w.back(t, w.begin(t, browser, false), oauth.Answer{Code: "c"}).Get("code"))
		redeemed := make(chan error)
		go func() {
			_, err := w.redeem(context.Background(), code)
			redeemed <- err
		}()
		synctest.Wait()
		if err := w.End(t.Context(), "7", endCode); !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("End: %v", err)
		}
		upstream.redeem <- respond(http.StatusOK, `{"access_token":"TOKEN","expires":86400}`)
		if err := <-redeemed; err != nil {
			t.Errorf("the app gets %v", err)
		}
	})
}

// TestEndOfWhatTheUserStopped leaves the page about it as it is.
func TestEndOfWhatTheUserStopped(t *testing.T) {
	w, entries := countedWorld()
	state, receipt := w.delivery(t, oauth.AuthorizationRequest{
		ClientID: "7", RedirectURI: target, CodeChallenge: challenge, End: endHash,
	})
	if how, err := w.Stop(t.Context(), receipt, browser); err != nil || how != oauth.Unused {
		t.Fatalf("%s, %v", how, err)
	}
	if err := w.End(t.Context(), "7", endCode); err != nil || entries() != 1 {
		t.Errorf("%v, %d entries after %s", err, entries(), state)
	}
	if d, err := w.FindDelivery(t.Context(), receipt, browser); err != nil || d.Progress != oauth.Unused {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestCodesOfOthers: a code whose state is right is not enough.
func TestCodesOfOthers(t *testing.T) {
	w, _ := countedWorld()
	one, other := w.codeFor(t, "one"), w.codeFor(t, "other")
	mixed := secret.New(one.Reveal()[:60] + other.Reveal()[60:])
	for _, code := range []secret.Text{mixed, secret.New(one.Reveal()[:74]), secret.New(one.Reveal() + "A"), {}} {
		if _, err := w.redeem(t.Context(), code); reasonOf(err) != "unknown_code" {
			t.Errorf("%s: %v", code.Reveal(), err)
		}
	}
	if _, err := w.redeem(t.Context(), one); err != nil {
		t.Error(err)
	}
	direct := w.startDirect(t)
	w.back(t, direct, oauth.Answer{Code: "c"})
	if _, err := w.redeem(t.Context(), secret.New(strings.TrimPrefix(direct, "dss.")+one.Reveal()[43:])); reasonOf(err) != "unknown_code" {
		t.Errorf("of a direct redemption: %v", err)
	}
}
