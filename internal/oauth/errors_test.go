package oauth_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// reasonOf is the reason in an error; "" if there is none.
func reasonOf(err error) string {
	if code, ok := errors.AsType[*oauth.CodeError](err); ok && errors.Is(err, oauth.ErrInvalidGrant) {
		return code.Reason
	}
	return ""
}

// TestWhatIsWrongWithACode: each mistake has a reason of its own, a sentence
// of its own, and the same one again at the next try.
func TestWhatIsWrongWithACode(t *testing.T) {
	sentences := map[string]string{}
	for _, tt := range []struct {
		reason string
		// spoil makes the mistake in an exchange that would go well.
		spoil func(t *testing.T, w world, e *oauth.Exchange)
	}{
		{"unknown_code", func(_ *testing.T, _ world, e *oauth.Exchange) { e.Code = secret.New("abc") }},
		{"unknown_code", func(_ *testing.T, _ world, e *oauth.Exchange) { e.Code = secret.New(strings.Repeat("A", 43)) }},
		{"unknown_code", func(_ *testing.T, _ world, e *oauth.Exchange) { e.Code = secret.Text{} }},
		{"expired_code", func(_ *testing.T, _ world, _ *oauth.Exchange) { time.Sleep(10 * time.Minute) }},
		{"expired_code", func(_ *testing.T, _ world, _ *oauth.Exchange) { time.Sleep(23 * time.Hour) }},
		{"used_code", func(t *testing.T, w world, e *oauth.Exchange) {
			if _, err := w.Redeem(t.Context(), *e); err != nil {
				t.Fatal(err)
			}
		}},
		{"refused_code", func(_ *testing.T, w world, _ *oauth.Exchange) { w.upstream.used["upstream-code"] = true }},
		{"lost_answer", func(t *testing.T, w world, e *oauth.Exchange) {
			w.upstream.down.Store(true)
			if _, err := w.Redeem(t.Context(), *e); !errors.Is(err, oauth.ErrUnavailable) {
				t.Fatal(err)
			}
			w.upstream.down.Store(false)
			w.upstream.used["upstream-code"] = true // it had seen the code
		}},
		{"other_client", func(_ *testing.T, _ world, e *oauth.Exchange) { e.ClientID = "8" }},
		{"other_redirect_uri", func(_ *testing.T, _ world, e *oauth.Exchange) { e.RedirectURI = "http://127.0.0.1:2/" }},
		{"wrong_verifier", func(_ *testing.T, _ world, e *oauth.Exchange) { e.Verifier = secret.New(verifier + "x") }},
		{"wrong_verifier", func(_ *testing.T, _ world, e *oauth.Exchange) { e.Verifier = secret.Text{} }},
		// Who has no more than the code learns no more of it.
		{"wrong_verifier", func(t *testing.T, w world, e *oauth.Exchange) {
			if _, err := w.Redeem(t.Context(), *e); err != nil {
				t.Fatal(err)
			}
			e.Verifier = secret.New(challenge)
		}},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				e := oauth.Exchange{
					ClientID: "7", RedirectURI: "http://127.0.0.1:1/", Code: w.codeFor(t, "upstream-code"), Verifier: secret.New(verifier),
				}
				tt.spoil(t, w, &e)
				for range 2 {
					_, err := w.Redeem(t.Context(), e)
					if got := reasonOf(err); got != tt.reason {
						t.Fatalf("reason %q in %v, want %s", got, err, tt.reason)
					}
					code, _ := errors.AsType[*oauth.CodeError](err)
					sentences[code.Error()] = tt.reason
				}
			})
		})
	}
	if len(sentences) != 8 {
		t.Errorf("%d sentences: %v", len(sentences), sentences)
	}
}

// TestWhatIsWrongWithADeviceCode: so with devices, whose code is told to have
// expired by an error of its own.
func TestWhatIsWrongWithADeviceCode(t *testing.T) {
	for _, tt := range []struct {
		reason string
		spoil  func(t *testing.T, w world, p *oauth.Poll)
	}{
		{"unknown_device_code", func(_ *testing.T, _ world, p *oauth.Poll) { p.DeviceCode = secret.New("abc") }},
		{"unknown_device_code", func(_ *testing.T, _ world, p *oauth.Poll) {
			p.DeviceCode = secret.New(strings.Repeat("A", 43) + ".zzzzzz")
		}},
		{"other_client", func(_ *testing.T, _ world, p *oauth.Poll) { p.ClientID = "8" }},
		{"used_code", func(t *testing.T, w world, p *oauth.Poll) {
			if _, err := w.Poll(t.Context(), *p); err != nil {
				t.Fatal(err)
			}
		}},
		{"refused_code", func(_ *testing.T, w world, _ *oauth.Poll) { w.upstream.used["upstream-code"] = true }},
		{"unknown_device_code", func(t *testing.T, w world, p *oauth.Poll) {
			if err := w.Revoke(t.Context(), "8", p.DeviceCode); reasonOf(err) != "other_client" {
				t.Fatal(err)
			}
			if err := w.Revoke(t.Context(), "", p.DeviceCode); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				a := w.device(t)
				w.approve(t, a, "upstream-code")
				p := oauth.Poll{ClientID: "7", DeviceCode: a.DeviceCode}
				tt.spoil(t, w, &p)
				for range 2 {
					if _, err := w.Poll(t.Context(), p); reasonOf(err) != tt.reason {
						t.Fatalf("%v, want %s", err, tt.reason)
					}
				}
			})
		})
	}
}

// TestRevokeDevice: a device that gives up ends its sign-in, wherever the user
// is with it, and unless it has its token.
func TestRevokeDevice(t *testing.T) {
	w := newWorld()
	a, b := w.device(t), w.device(t)
	address, err := w.Continue(t.Context(), a.UserCode, browser)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Revoke(t.Context(), "7", a.DeviceCode); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Find(t.Context(), a.UserCode, netip.Addr{}); !errors.Is(err, oauth.ErrUnknown) {
		t.Errorf("its user code: %v", err)
	}
	if _, err := w.Callback(t.Context(), stateIn(t, address), oauth.Answer{Code: "c"}, browser); !errors.Is(err, oauth.ErrUnknown) {
		t.Errorf("its browser: %v", err)
	}
	if err := w.Revoke(t.Context(), "7", secret.New(strings.Repeat("A", 43)+".zzzzzz")); err != nil {
		t.Errorf("an unknown code: %v", err)
	}
	w.approve(t, b, "c")
	if _, err := w.poll(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := w.Revoke(t.Context(), "7", b.DeviceCode); err != nil {
		t.Errorf("a code that has led to a token: %v", err)
	}
}
