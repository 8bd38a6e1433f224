package oauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
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

// The example of RFC 7636 appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// fakeStackExchange redeems each code once.
type fakeStackExchange struct {
	mu    sync.Mutex
	used  map[string]bool
	down  atomic.Bool
	calls atomic.Int64
}

func (f *fakeStackExchange) RoundTrip(r *http.Request) (*http.Response, error) {
	f.calls.Add(1)
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	code := form.Get("code")
	if f.down.Load() {
		return respond(http.StatusBadGateway, `<html>`), nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.used[code] || form.Get("code_verifier") == "" || form.Get("redirect_uri") != "https://dss.example/oauth/callback" {
		return respond(http.StatusBadRequest, `{"error":{"type":"invalid_grant","message":"no"}}`), nil
	}
	f.used[code] = true
	return respond(http.StatusOK, `{"access_token":"token-of-`+code+`","expires":86400}`), nil
}

func respond(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
}

// world is a service with what is around it.
type world struct {
	*oauth.Service
	upstream *fakeStackExchange
	client   *stackexchange.Client
	store    sealed.Store
}

func newWorld() world { return newWorlds(1, oauth.Config{})[0] }

// newWorlds are several servers on one store.
func newWorlds(n int, config oauth.Config) []world {
	return newWorldsOn(memory.New(store.Limits{}), n, config)
}

func newWorldsOn(store sealed.Store, n int, config oauth.Config) []world {
	fake := &fakeStackExchange{used: map[string]bool{}}
	client := stackexchange.New(stackexchange.Config{
		BaseURL:   &url.URL{Scheme: "https", Host: "se.example"},
		APIURL:    &url.URL{Scheme: "https", Host: "api.se.example", Path: "/2.3"},
		Transport: fake,
	})
	config.TTL, config.Issuer, config.CallbackURL = 15*time.Minute, "https://dss.example", "https://dss.example/oauth/callback"
	worlds := make([]world, n)
	for i := range worlds {
		worlds[i] = world{oauth.New(sealed.NewVault(store), client, config), fake, client, store}
	}
	return worlds
}

// as is a browser that has the same secret in every sign-in.
func as(text string) oauth.Browser {
	return func(string) secret.Text { return secret.New(text) }
}

var browser, otherBrowser, nobody = as("browser"), as("other browser"), as("")

// stateIn returns the state in the address of Stack Exchange.
func stateIn(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || !oauth.IsState(u.Query().Get("state")) {
		t.Fatalf("%s: %v", address, err)
	}
	return u.Query().Get("state")
}

func (w world) device(t *testing.T) oauth.DeviceAuthorization {
	t.Helper()
	a, err := w.AuthorizeDevice(t.Context(), "7", "read_inbox", netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (w world) poll(ctx context.Context, a oauth.DeviceAuthorization) (oauth.Token, error) {
	return w.Poll(ctx, oauth.Poll{ClientID: "7", DeviceCode: a.DeviceCode})
}

// approve is the whole way of the browser.
func (w world) approve(t *testing.T, a oauth.DeviceAuthorization, code string) {
	t.Helper()
	address, err := w.Continue(t.Context(), a.UserCode, browser)
	if err != nil {
		t.Fatal(err)
	}
	outcome, err := w.Callback(t.Context(), stateIn(t, address), oauth.Answer{Code: code}, browser)
	if err != nil || !outcome.Approved {
		t.Fatalf("callback: %+v, %v", outcome, err)
	}
}

// codeFor runs the code grant up to the app's code.
func (w world) codeFor(t *testing.T, upstreamCode string) secret.Text {
	t.Helper()
	address, err := w.Authorize(t.Context(), oauth.AuthorizationRequest{
		ClientID: "7", RedirectURI: "http://127.0.0.1:1/", CodeChallenge: challenge, State: "st",
	}, browser)
	if err != nil {
		t.Fatal(err)
	}
	outcome, err := w.Callback(t.Context(), stateIn(t, address), oauth.Answer{Code: upstreamCode}, browser)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(outcome.Redirect)
	if err != nil || u.Query().Get("state") != "st" || u.Query().Get("iss") != "https://dss.example" {
		t.Fatalf("%s: %v", outcome.Redirect, err)
	}
	return secret.New(u.Query().Get("code"))
}

func (w world) redeem(ctx context.Context, code secret.Text) (oauth.Token, error) {
	return w.Redeem(ctx, oauth.Exchange{ClientID: "7", RedirectURI: "http://127.0.0.1:1/", Code: code, Verifier: secret.New(verifier)})
}

// TestApprovalRacesPolls lets the approval and a poll meet 1,000 times: the
// device gets its token, at once or at the next poll.
func TestApprovalRacesPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		for range 1000 {
			a := w.device(t)
			address, err := w.Continue(t.Context(), a.UserCode, browser)
			if err != nil {
				t.Fatal(err)
			}
			var first error
			var both sync.WaitGroup
			both.Go(func() {
				if _, err := w.Callback(context.Background(), stateIn(t, address), oauth.Answer{Code: "code-of-" + a.UserCode.String()}, browser); err != nil {
					t.Errorf("callback: %v", err)
				}
			})
			both.Go(func() { _, first = w.poll(context.Background(), a) })
			both.Wait()
			if first == nil {
				continue
			}
			if !errors.Is(first, oauth.ErrPending) {
				t.Fatalf("first poll: %v", first)
			}
			time.Sleep(oauth.Interval)
			if token, err := w.poll(t.Context(), a); err != nil || token.AccessToken.Reveal() != "token-of-code-of-"+a.UserCode.String() {
				t.Fatalf("second poll: %+v, %v", token, err)
			}
		}
	})
}

func TestManyAtOnceGetOneToken(t *testing.T) {
	w := newWorld()
	a := w.device(t)
	w.approve(t, a, "device-code")
	code := w.codeFor(t, "loopback-code")
	for name, attempt := range map[string]func() (oauth.Token, error){
		"device":   func() (oauth.Token, error) { return w.poll(context.Background(), a) },
		"loopback": func() (oauth.Token, error) { return w.redeem(context.Background(), code) },
	} {
		var all sync.WaitGroup
		var good atomic.Int64
		for range 64 {
			all.Go(func() {
				if _, err := attempt(); err == nil {
					good.Add(1)
				}
			})
		}
		all.Wait()
		if good.Load() != 1 {
			t.Errorf("%s: %d tokens", name, good.Load())
		}
	}
	if calls := w.upstream.calls.Load(); calls != 2 {
		t.Errorf("Stack Exchange was asked %d times, want 2", calls)
	}
}

// meddler does something before the next change of an entry.
type meddler struct {
	sealed.Store
	meddle func()
}

func (s *meddler) Replace(ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration) (bool, error) {
	if meddle := s.meddle; meddle != nil {
		s.meddle = nil
		meddle()
	}
	return s.Store.Replace(ctx, id, old, next, ttl)
}

// TestApprovedAgainWhileRedeeming: a second click comes just before the app's
// code is redeemed, and the app hears nothing of that.
func TestApprovedAgainWhileRedeeming(t *testing.T) {
	w := newWorld()
	store := &meddler{Store: w.store}
	w.Service = oauth.New(sealed.NewVault(store), w.client, oauth.Config{
		Issuer: "https://dss.example", CallbackURL: "https://dss.example/oauth/callback",
	})
	address, err := w.Authorize(t.Context(), oauth.AuthorizationRequest{
		ClientID: "7", RedirectURI: "http://127.0.0.1:1/", CodeChallenge: challenge,
	}, browser)
	if err != nil {
		t.Fatal(err)
	}
	approve := func(code string) secret.Text {
		outcome, err := w.Callback(t.Context(), stateIn(t, address), oauth.Answer{Code: code}, browser)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(outcome.Redirect)
		if err != nil {
			t.Fatal(err)
		}
		return secret.New(u.Query().Get("code"))
	}
	code := approve("first")
	store.meddle = func() { approve("second") }
	token, err := w.redeem(t.Context(), code)
	if err != nil || token.AccessToken.Reveal() != "token-of-second" {
		t.Errorf("%q, %v, want the token of the second approval", token.AccessToken.Reveal(), err)
	}
}

func TestGrantsOutliveAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a := w.device(t)
		w.approve(t, a, "device-code")
		code := w.codeFor(t, "loopback-code")
		w.upstream.down.Store(true)
		for range 3 {
			if _, err := w.poll(t.Context(), a); !errors.Is(err, oauth.ErrUnavailable) {
				t.Errorf("poll: %v", err)
			}
			if _, err := w.redeem(t.Context(), code); !errors.Is(err, oauth.ErrUnavailable) {
				t.Errorf("redeem: %v", err)
			}
			time.Sleep(oauth.Interval)
		}
		w.upstream.down.Store(false)
		if _, err := w.poll(t.Context(), a); err != nil {
			t.Errorf("poll: %v", err)
		}
		if _, err := w.redeem(t.Context(), code); err != nil {
			t.Errorf("redeem: %v", err)
		}
	})
}

// TestRefusedCodeIsOver: repeats of a failed exchange get the same answer, and
// Stack Exchange is not asked again.
func TestRefusedCodeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.upstream.used["spent"] = true
		a := w.device(t)
		w.approve(t, a, "spent")
		code := w.codeFor(t, "spent")
		for range 3 {
			if _, err := w.poll(t.Context(), a); !errors.Is(err, oauth.ErrInvalidGrant) {
				t.Errorf("poll: %v", err)
			}
			if _, err := w.redeem(t.Context(), code); !errors.Is(err, oauth.ErrInvalidGrant) {
				t.Errorf("redeem: %v", err)
			}
			time.Sleep(oauth.Interval)
		}
		if calls := w.upstream.calls.Load(); calls != 2 {
			t.Errorf("Stack Exchange was asked %d times, want 2", calls)
		}
	})
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a := w.device(t)
		code := w.codeFor(t, "loopback-code")
		address, err := w.Continue(t.Context(), a.UserCode, browser)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if _, err := w.redeem(t.Context(), code); !errors.Is(err, oauth.ErrInvalidGrant) {
			t.Errorf("a code of ten minutes ago: %v", err)
		}
		time.Sleep(5*time.Minute + time.Second)
		if _, err := w.poll(t.Context(), a); !errors.Is(err, oauth.ErrExpired) {
			t.Errorf("poll: %v", err)
		}
		if _, err := w.Find(t.Context(), a.UserCode, netip.Addr{}); !errors.Is(err, oauth.ErrUnknown) {
			t.Errorf("look up: %v", err)
		}
		if _, err := w.Callback(t.Context(), stateIn(t, address), oauth.Answer{Code: "late"}, browser); !errors.Is(err, oauth.ErrUnknown) {
			t.Errorf("callback: %v", err)
		}
	})
}

// TestALaterBrowserTakesOver: who continues last may finish.
func TestALaterBrowserTakesOver(t *testing.T) {
	w := newWorld()
	a := w.device(t)
	for _, each := range []oauth.Browser{browser, otherBrowser} {
		if _, err := w.Continue(t.Context(), a.UserCode, each); err != nil {
			t.Fatal(err)
		}
	}
	address, err := w.Continue(t.Context(), a.UserCode, otherBrowser)
	if err != nil {
		t.Fatal(err)
	}
	state := stateIn(t, address)
	for _, each := range []oauth.Browser{browser, nobody} {
		if _, err := w.Callback(t.Context(), state, oauth.Answer{Code: "c"}, each); !errors.Is(err, oauth.ErrWrongBrowser) {
			t.Errorf("callback: %v", err)
		}
	}
	if _, err := w.Callback(t.Context(), state, oauth.Answer{Code: "c"}, otherBrowser); err != nil {
		t.Errorf("callback: %v", err)
	}
}

func TestNobodyHasContinued(t *testing.T) {
	w := newWorld()
	a := w.device(t)
	address, err := w.Continue(t.Context(), a.UserCode, nobody)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Callback(t.Context(), stateIn(t, address), oauth.Answer{Code: "c"}, nobody); !errors.Is(err, oauth.ErrWrongBrowser) {
		t.Errorf("a browser without a session: %v", err)
	}
}

// recordingStore keeps every value that was ever stored.
type recordingStore struct {
	sealed.Store
	mu     sync.Mutex
	values [][]byte
}

func (s *recordingStore) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	s.record(id, value)
	return s.Store.Create(ctx, id, value, ttl)
}

func (s *recordingStore) Replace(ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration) (bool, error) {
	s.record(id, next)
	return s.Store.Replace(ctx, id, old, next, ttl)
}

func (s *recordingStore) record(id sealed.ID, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values = append(s.values, append(id[:], value...))
}

// TestNothingAtRestIsUsable runs both grants and looks at every byte that was
// stored on the way.
func TestNothingAtRestIsUsable(t *testing.T) {
	w := newWorld()
	recorded := &recordingStore{Store: w.store}
	client := stackexchange.New(stackexchange.Config{
		BaseURL: &url.URL{Scheme: "https", Host: "se.example"}, APIURL: &url.URL{Scheme: "https", Host: "api.se.example"}, Transport: w.upstream,
	})
	w.Service = oauth.New(sealed.NewVault(recorded), client, oauth.Config{Issuer: "https://dss.example", CallbackURL: "https://dss.example/oauth/callback"})
	a := w.device(t)
	w.approve(t, a, "canary-code")
	token, err := w.poll(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	code := w.codeFor(t, "canary-of-the-code-grant")
	if _, err := w.redeem(t.Context(), code); err != nil {
		t.Fatal(err)
	}
	secrets := []string{code.Reveal(), "canary-of-the-code-grant", "http://127.0.0.1:1/", a.DeviceCode.Reveal(), a.DeviceCode.Reveal()[:43], a.UserCode.String(), string(a.UserCode), "canary-code", token.AccessToken.Reveal()}
	for _, value := range recorded.values {
		for _, secret := range secrets {
			if strings.Contains(string(value), secret) {
				t.Errorf("%q is stored in clear", secret)
			}
		}
	}
	if len(recorded.values) < 8 {
		t.Errorf("only %d values were stored", len(recorded.values))
	}
	if text, err := json.Marshal(a); err != nil || strings.Contains(string(text), a.DeviceCode.Reveal()) {
		t.Errorf("a device authorization shows its code: %s, %v", text, err)
	}
}

// TestStateComesBack: the app's state is the same bytes again, with a code and
// with an error, whatever they are.
func TestStateComesBack(t *testing.T) {
	for _, state := range []string{
		"\xff\xfeabc", "\x00\x01\x1f\x7f", `<>&"'\`, "a b+c%20d;e=f&g", "\u2028\ufeff\U0001F600", strings.Repeat("<", 4096), strings.Repeat("\xff", 4096),
	} {
		for _, answer := range []oauth.Answer{{Code: "c"}, {Error: "access_denied"}} {
			w := newWorld()
			address, err := w.Authorize(t.Context(), oauth.AuthorizationRequest{
				ClientID: "7", RedirectURI: "http://127.0.0.1:1/", CodeChallenge: challenge, State: state,
			}, browser)
			if err != nil {
				t.Fatal(err)
			}
			outcome, err := w.Callback(t.Context(), stateIn(t, address), answer, browser)
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(outcome.Redirect)
			if err != nil {
				t.Fatal(err)
			}
			if got := u.Query().Get("state"); got != state {
				t.Errorf("%.20q came back as %.20q in %.200s", state, got, outcome.Redirect)
			}
		}
	}
	_, err := newWorld().Authorize(t.Context(), oauth.AuthorizationRequest{
		ClientID: "7", RedirectURI: "http://127.0.0.1:1/", CodeChallenge: challenge, State: strings.Repeat("s", 4097),
	}, browser)
	if !errors.Is(err, oauth.ErrInvalidState) {
		t.Errorf("a state of 4097 bytes: %v", err)
	}
}

// TestFullStoreGoesOn: when no sign-in can begin any more, those that have begun
// come to their end.
func TestFullStoreGoesOn(t *testing.T) {
	for _, shared := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store := memory.New(store.Limits{MaxEntries: 5})
			w := newWorldsOn(store, 1, oauth.Config{Shared: shared})[0]
			approved, declined := w.device(t), w.device(t)
			address, err := w.Authorize(t.Context(), oauth.AuthorizationRequest{
				ClientID: "7", RedirectURI: "http://127.0.0.1:1/", CodeChallenge: challenge, State: "st",
			}, browser)
			if err != nil {
				t.Fatal(err)
			}
			full := func() {
				t.Helper()
				if _, err := w.AuthorizeDevice(t.Context(), "7", "", netip.Addr{}); !errors.Is(err, sealed.ErrFull) {
					t.Fatalf("a sign-in begins in a full store: %v", err)
				}
			}
			full()
			if _, err := w.poll(t.Context(), approved); !errors.Is(err, oauth.ErrPending) {
				t.Errorf("poll: %v", err)
			}
			if _, err := w.poll(t.Context(), approved); !errors.Is(err, oauth.ErrSlowDown) {
				t.Errorf("poll at once: %v", err)
			}
			outcome, err := w.Callback(t.Context(), stateIn(t, address), oauth.Answer{Code: strings.Repeat("c", 64)}, browser)
			if err != nil {
				t.Fatalf("callback: %v", err)
			}
			u, err := url.Parse(outcome.Redirect)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.redeem(t.Context(), secret.New(u.Query().Get("code"))); err != nil {
				t.Errorf("redeem: %v", err)
			}
			full()
			w.approve(t, approved, "device-code")
			time.Sleep(3 * oauth.Interval)
			if _, err := w.poll(t.Context(), approved); err != nil {
				t.Errorf("poll after the approval: %v", err)
			}
			if err := w.Decline(t.Context(), declined.UserCode); err != nil {
				t.Errorf("decline: %v", err)
			}
			if _, err := w.poll(t.Context(), declined); !errors.Is(err, oauth.ErrDenied) {
				t.Errorf("poll after it was declined: %v", err)
			}
		})
	}
}
