package dss_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
)

// app is a loopback sign-in under way, at a server that redeems any code.
type app struct {
	signIn      *dss.SignIn
	asked       url.Values // what the browser takes to the server
	redirectURI string
	exchanged   url.Values  // what the app redeems the code with
	pipes       *pipes      // nil: a socket
	header      http.Header // what the browser sends
}

const issuer = "https://auth.example.org"

func startLoopback(t *testing.T, way *pipes) *app {
	t.Helper()
	a := &app{}
	a.start(t, way, from(func(r *http.Request) (*http.Response, error) {
		a.exchanged = readForm(t, r)
		return granted(r)
	}))
	return a
}

// start begins the sign-in.
func (a *app) start(t *testing.T, way *pipes, server *http.Client) {
	t.Helper()
	a.pipes = way
	client := newClient(t, dss.Config{
		Server: issuer, ClientID: clientID, Scopes: scopes, Flow: dss.FlowLoopback, HTTPClient: server,
		Locales: []string{"pt-BR", "es"},
	})
	if way != nil {
		client.SetListen(way.listen)
	}
	var err error
	if a.signIn, err = client.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.signIn.Close() })
	address, err := url.Parse(a.signIn.URL)
	if err != nil {
		t.Fatal(err)
	}
	a.asked = address.Query()
	a.redirectURI = a.asked.Get("redirect_uri")
}

func readForm(t *testing.T, r *http.Request) url.Values {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		t.Error(err)
	}
	return form
}

// visit has the browser come back to the app.
func (a *app) visit(t *testing.T, method, path string, query url.Values) (*http.Response, string) {
	t.Helper()
	return a.send(t, method, path+"?"+query.Encode())
}

func (a *app) send(t *testing.T, method, target string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(method, strings.TrimSuffix(a.redirectURI, "/")+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if a.pipes != nil {
		client = a.pipes.browser()
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for name, value := range a.header {
		request.Header[name] = value
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// response is what the server sends the browser back with, changed by pairs of
// names and values.
func (a *app) response(changes ...string) url.Values {
	response := url.Values{"state": {a.asked.Get("state")}, "iss": {issuer}, "code": {"C(1)"}}
	for pair := range slices.Chunk(changes, 2) {
		response.Del(pair[0])
		if pair[1] != "" {
			response.Set(pair[0], pair[1])
		}
	}
	return response
}

func TestLoopbackRequest(t *testing.T) {
	a := startLoopback(t, nil)
	if !strings.HasPrefix(a.signIn.URL, issuer+api.PathAuthorize+"?") || a.signIn.MatchCode != "" || a.signIn.UserCode != "" {
		t.Errorf("the sign-in is %+v", a.signIn)
	}
	if !strings.HasPrefix(a.redirectURI, "http://127.0.0.1:") {
		t.Errorf("redirect_uri %q", a.redirectURI)
	}
	a.visit(t, http.MethodGet, "/", a.response())
	token, err := a.signIn.Wait(t.Context())
	if err != nil || token.AccessToken.Reveal() != "T" {
		t.Fatalf("%v, %v", token, err)
	}
	sum := sha256.Sum256([]byte(a.exchanged.Get("code_verifier")))
	want := url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "scope": {strings.Join(scopes, " ")}, "redirect_uri": {a.redirectURI},
		"state": a.asked["state"], "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
		"dss_end": a.asked["dss_end"], "ui_locales": {"pt-BR es"},
	}
	if len(a.asked.Get("dss_end")) != 43 || len(a.asked.Get("state")) != 43 || !maps.EqualFunc(a.asked, want, slices.Equal[[]string]) {
		t.Errorf("asked for\n%v, want\n%v", a.asked, want)
	}
	want = url.Values{
		"grant_type": {api.GrantAuthorizationCode}, "client_id": {clientID}, "code": {"C(1)"}, "redirect_uri": {a.redirectURI},
		"code_verifier": a.exchanged["code_verifier"],
	}
	if !maps.EqualFunc(a.exchanged, want, slices.Equal[[]string]) {
		t.Errorf("redeemed with\n%v, want\n%v", a.exchanged, want)
	}
}

// TestLoopbackIgnores has others knock first.
func TestLoopbackIgnores(t *testing.T) {
	a := startLoopback(t, nil)
	for name, query := range map[string]url.Values{
		"no state":       a.response("state", ""),
		"a wrong state":  a.response("state", strings.Repeat("x", 43)),
		"a longer state": a.response("state", a.asked.Get("state")+"x"),
		"neither":        a.response("code", ""),
		"both":           a.response("error", "access_denied"),
		"nothing":        {},
	} {
		checkNotFound(t, a, name, http.MethodGet, "/?"+query.Encode())
	}
	good := a.response().Encode()
	for _, name := range []string{"state", "iss", "code"} {
		checkNotFound(t, a, name+" twice", http.MethodGet, "/?"+good+"&"+name+"="+url.QueryEscape(a.response().Get(name)))
	}
	denied := a.response("code", "", "error", "access_denied").Encode()
	checkNotFound(t, a, "error twice", http.MethodGet, "/?"+denied+"&error=access_denied")
	checkNotFound(t, a, "a semicolon", http.MethodGet, "/?"+good+";x=y")
	checkNotFound(t, a, "a bad escape", http.MethodGet, "/?"+good+"&x=%zz")
	for _, path := range []string{"/callback", "/favicon.ico", "//", "/%2e", "/index.html"} {
		checkNotFound(t, a, path, http.MethodGet, path+"?"+good)
	}
	for _, method := range []string{http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		checkNotFound(t, a, method, method, "/?"+good)
	}

	a.visit(t, http.MethodGet, "/", a.response())
	if token, err := a.signIn.Wait(t.Context()); err != nil || token.AccessToken.Reveal() != "T" {
		t.Errorf("%v, %v", token, err)
	}
}

func checkNotFound(t *testing.T, a *app, name, method, target string) {
	t.Helper()
	if response, body := a.send(t, method, target); response.StatusCode != http.StatusNotFound || strings.Contains(body, "<h1>") {
		t.Errorf("%s: %s\n%s", name, response.Status, body)
	}
}

// TestLoopbackPage shows the page again when the user reloads it; only the
// first answer counts.
func TestLoopbackPage(t *testing.T) {
	for name, tt := range map[string]struct {
		changes []string
		title   string
		want    error
	}{
		"approved":                {nil, "<h1><span>Done.</span> <span>Your app has it.</span></h1>", nil},
		"denied":                  {[]string{"code", "", "error", "access_denied"}, "<h1>Not connected.</h1>", dss.ErrAccessDenied},
		"no iss":                  {[]string{"iss", ""}, "<h1>That didn’t work, and nothing was connected.</h1>", dss.ErrWrongServer},
		"a wrong iss":             {[]string{"iss", "https://evil.example"}, "<h1>That didn’t work, and nothing was connected.</h1>", dss.ErrWrongServer},
		"iss and a slash":         {[]string{"iss", issuer + "/"}, "<h1>That didn’t work, and nothing was connected.</h1>", dss.ErrWrongServer},
		"a wrong iss, and denied": {[]string{"iss", "x", "code", "", "error", "access_denied"}, "<h1>That didn’t work, and nothing was connected.</h1>", dss.ErrWrongServer},
	} {
		t.Run(name, func(t *testing.T) {
			a := startLoopback(t, nil)
			for range 3 {
				response, body := a.visit(t, http.MethodGet, "/", a.response(tt.changes...))
				if response.StatusCode != http.StatusOK || !strings.Contains(body, tt.title) || !strings.HasPrefix(body, `<!doctype html><html lang="en" dir="ltr">`) {
					t.Errorf("%s\n%s", response.Status, body)
				}
				checkPageHeaders(t, response.Header)
			}
			a.visit(t, http.MethodGet, "/", a.response("code", "another"))
			if _, err := a.signIn.Wait(t.Context()); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if tt.want != nil && a.exchanged != nil {
				t.Errorf("redeemed %v", a.exchanged)
			}
			if tt.want == nil && a.exchanged.Get("code") != "C(1)" {
				t.Errorf("redeemed %q", a.exchanged.Get("code"))
			}
		})
	}
}

func checkPageHeaders(t *testing.T, h http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Type":            "text/html; charset=utf-8",
		"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
		"Referrer-Policy":         "no-referrer",
		"Cache-Control":           "no-store",
		"X-Content-Type-Options":  "nosniff",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestLoopbackErrors(t *testing.T) {
	a := startLoopback(t, nil)
	a.visit(t, http.MethodGet, "/", a.response("code", "", "error", "invalid_scope", "error_description", "no\u202e such\n\x1b\u2066scope"))
	_, err := a.signIn.Wait(t.Context())
	if answer, ok := errors.AsType[*dss.Error](err); !ok || answer.Name != api.InvalidScope || answer.Message != "no such scope" {
		t.Errorf("%#v", err)
	}
}

func TestCloseFreesThePort(t *testing.T) {
	before := runtime.NumGoroutine()
	for name, end := range map[string]func(*app) error{
		"close": func(a *app) error { return a.signIn.Close() },
		"twice": func(a *app) error { return errors.Join(a.signIn.Close(), a.signIn.Close()) },
		"wait": func(a *app) error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := a.signIn.Wait(ctx); !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		},
	} {
		a := startLoopback(t, nil)
		a.visit(t, http.MethodGet, "/", a.response("state", ""))
		if err := end(a); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		listener, err := net.Listen("tcp", strings.Trim(strings.TrimPrefix(a.redirectURI, "http:"), "/"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		listener.Close()
	}
	if stacks, left := leftover(before); left {
		t.Errorf("goroutines left behind:\n%s", stacks)
	}
}

func TestWaitAfterClose(t *testing.T) {
	a := startLoopback(t, nil)
	if err := a.signIn.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.signIn.Wait(t.Context()); err == nil || errors.Is(err, dss.ErrExpired) {
		t.Errorf("the error is %v", err)
	}
}

// TestAnswerBeforeClose counts: Wait looks for it first.
func TestAnswerBeforeClose(t *testing.T) {
	for range 20 {
		a := startLoopback(t, nil)
		a.visit(t, http.MethodGet, "/", a.response())
		if err := a.signIn.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := a.signIn.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoopbackExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		a := startLoopback(t, newPipes())
		if _, err := a.signIn.Wait(t.Context()); !errors.Is(err, dss.ErrExpired) || time.Since(started) != 15*time.Minute {
			t.Errorf("%v after %v", err, time.Since(started))
		}
	})
}

// TestIdleConnection is one that a browser opens in advance and does not use.
// It must not keep the app waiting.
func TestIdleConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := startLoopback(t, newPipes())
		conn, err := a.pipes.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		synctest.Wait()
		started := time.Now()
		a.visit(t, http.MethodGet, "/", a.response())
		if _, err := a.signIn.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(started); took != 0 {
			t.Errorf("that took %v", took)
		}
	})
}

// signInByLoopback has the browser come back with a code.
func (f *fake) signInByLoopback(t *testing.T) (*dss.Token, error) {
	t.Helper()
	way := newPipes()
	client := f.client(t, dss.FlowLoopback)
	client.SetListen(way.listen)
	signIn, err := client.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer signIn.Close()
	address, err := url.Parse(signIn.URL)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{signIn: signIn, asked: address.Query(), redirectURI: address.Query().Get("redirect_uri"), pipes: way}
	a.visit(t, http.MethodGet, "/", a.response())
	return signIn.Wait(t.Context())
}

// TestLoopbackRedeems survives a server that restarts.
func TestLoopbackRedeems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{replies: []reply{busy(503, "5"), refused, granted}, started: time.Now()}
		token, err := f.signInByLoopback(t)
		if err != nil || token.AccessToken.Reveal() != "T" {
			t.Fatalf("%v, %v", token, err)
		}
		if want := seconds(0, 5, 7); !slices.Equal(f.asked, want) {
			t.Errorf("asked at %v, want %v", f.asked, want)
		}
	})
}
