package dss_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/sandbox"
)

// quirk is a way in which Stack Exchange has been seen to behave.
type quirk struct{ name, value string }

// quirksOf reads the page of a sandbox's switches, so that none is left out. Two
// are not for a client: what the user decides, and a script for a browser.
func quirksOf(t *testing.T, fake http.Handler) (all []quirk) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/sandbox/switches", nil)
	r.RemoteAddr = "127.0.0.1:1"
	fake.ServeHTTP(w, r)
	option := regexp.MustCompile(`<option[^>]*>([^<]*)</option>`)
	for _, one := range regexp.MustCompile(`(?s)<select[^>]* name="([^"]*)".*?</select>`).FindAllStringSubmatch(w.Body.String(), -1) {
		if one[1] == "sandbox_decision" || one[1] == "sandbox_delivery" {
			continue
		}
		for _, value := range option.FindAllStringSubmatch(one[0], -1) {
			all = append(all, quirk{one[1], value[1]})
		}
	}
	if len(all) < 20 {
		t.Errorf("only %d quirks: %v", len(all), all)
	}
	return all
}

// behave switches a sandbox.
func behave(t *testing.T, fake http.Handler, q quirk) {
	t.Helper()
	form := strings.NewReader(url.Values{q.name: {q.value}}.Encode())
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/sandbox/switches", form)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.RemoteAddr = "127.0.0.1:1"
	w := httptest.NewRecorder()
	if fake.ServeHTTP(w, r); w.Code != http.StatusSeeOther {
		t.Fatalf("%v: %d %s", q, w.Code, w.Body)
	}
}

// nasty are many quirks at once.
var nasty = quirk{"nasty", "all"}

// TestQuirks gets over each way of Stack Exchange, in both eras.
func TestQuirks(t *testing.T) {
	for _, era := range []sandbox.Era{sandbox.Era2025, sandbox.Era2026} {
		for _, q := range append(quirksOf(t, sandbox.New(sandbox.Config{Era: era})), nasty) {
			for _, flow := range []dss.Flow{dss.FlowRelay, dss.FlowImplicit, dss.FlowDevice} {
				t.Run(string(era)+"/"+q.name+" "+q.value+"/"+string(flow), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						live(t, sandbox.New(sandbox.Config{Era: era, Nasty: q == nasty}), q, flow)
					})
				})
			}
		}
	}
}

// live goes through the life of a token.
func live(t *testing.T, fake *sandbox.Sandbox, q quirk, flow dss.Flow) {
	t.Helper()
	s := simulateWith(t, fake)
	throttled := q.name == "sandbox_throttle" && q.value != "off"
	if !throttled && q != nasty {
		behave(t, fake, q)
	}
	client := s.client(t, dss.Config{Flow: flow, Prompt: approve, Scopes: scopes, API: s.url + "/sandbox/2.3"})
	token, err := client.SignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := token.AccessToken.Reveal()
	if throttled {
		refuses(t, fake, client, q, text)
	}
	if info, err := client.Inspect(t.Context(), text); err != nil || len(info.Scopes) != len(scopes) {
		t.Errorf("%+v, %v", info, err)
	}
	time.Sleep(time.Minute) // for a backoff
	if err := client.Invalidate(t.Context(), text); err != nil {
		t.Error(err)
	}
	time.Sleep(time.Minute)
	if _, err := client.Inspect(t.Context(), text); !errors.Is(err, dss.ErrInvalidToken) {
		t.Errorf("of a dead token: %v", err)
	}
	time.Sleep(time.Minute)
	if err := client.Invalidate(t.Context(), text); err != nil {
		t.Errorf("a dead token again: %v", err)
	}
}

// refuses wants a throttle to be called that, and to say nothing of the token.
func refuses(t *testing.T, fake *sandbox.Sandbox, client *dss.Client, q quirk, token string) {
	t.Helper()
	behave(t, fake, q)
	_, err := client.Inspect(t.Context(), token)
	for _, err := range []error{err, client.Invalidate(t.Context(), token)} {
		throttle, ok := errors.AsType[*dss.ThrottledError](err)
		if !ok || errors.Is(err, dss.ErrInvalidToken) || (throttle.RetryAfter == 17*time.Second) != (q.value == "json") {
			t.Errorf("with a throttle: %v", err)
		}
	}
	behave(t, fake, quirk{q.name, "off"})
}
