package dss_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
)

var everyFlow = []dss.Flow{dss.FlowAuto, dss.FlowLoopback, dss.FlowRelay, dss.FlowImplicit, dss.FlowDevice}

func metadata(members string) reply { return says(http.StatusOK, "{"+members+"}") }

// TestWrongServer is found out by Start, in every flow, with a reason.
func TestWrongServer(t *testing.T) {
	const html = "text/html; charset=utf-8"
	for name, tt := range map[string]struct {
		reply reply
		kinds []error
		text  string
	}{
		"moved": {says(301, "", "Location", "https://www.example.org/.well-known/oauth-authorization-server"),
			[]error{dss.ErrWrongServer, dss.ErrUnreachable}, "301 Moved Permanently to https://www.example.org; if you trust that, use https://www.example.org"},
		"moved for good": {says(308, "", "Location", "https://www.example.org/login?canary"),
			[]error{dss.ErrWrongServer, dss.ErrUnreachable}, "308 Permanent Redirect to https://www.example.org"},
		"sent on": {says(302, "", "Location", "/login"), []error{dss.ErrWrongServer, dss.ErrUnreachable}, "302 Found"},
		"a password": {says(401, "canary", "Content-Type", html, "Server", "nginx/1.26"),
			[]error{dss.ErrWrongServer, dss.ErrUnreachable}, "401 Unauthorized with text/html (Server: nginx/1.26); something in front of it refuses"},
		"forbidden":       {says(403, "canary", "Server", "cloudflare"), []error{dss.ErrWrongServer, dss.ErrUnreachable}, "403 Forbidden (Server: cloudflare)"},
		"a proxy's 407":   {says(407, "canary"), []error{dss.ErrWrongServer, dss.ErrUnreachable}, "407 Proxy Authentication Required"},
		"a page":          {says(200, "<p>canary", "Content-Type", html), []error{dss.ErrWrongServer, dss.ErrUnreachable}, "200 OK with text/html"},
		"not found":       {says(404, "canary", "Content-Type", html), []error{dss.ErrWrongServer, dss.ErrUnreachable}, "404 Not Found with text/html"},
		"JSON":            {metadata(`"canary":1`), []error{dss.ErrWrongServer, dss.ErrUnreachable}, "not that of DSS"},
		"a list":          {says(200, `["canary"]`), []error{dss.ErrWrongServer, dss.ErrUnreachable}, "200 OK"},
		"another product": {metadata(`"issuer":"https://auth.example.org","token_endpoint":"https://auth.example.org/token"`), []error{dss.ErrWrongServer, dss.ErrUnreachable}, "not that of DSS"},
		"another issuer":  {metadata(`"issuer":"https://dss.example.org"`), []error{dss.ErrWrongServer}, "calls itself https://dss.example.org: use that"},
		"another path":    {metadata(`"issuer":"https://auth.example.org/dss"`), []error{dss.ErrWrongServer}, "calls itself"},
		"another port":    {metadata(`"issuer":"https://auth.example.org:8443"`), []error{dss.ErrWrongServer}, "calls itself"},
		"plain http":      {metadata(`"issuer":"http://auth.example.org"`), []error{dss.ErrWrongServer}, "calls itself"},
		"down":            {says(502, "canary", "Content-Type", html), []error{dss.ErrUnreachable}, "502 Bad Gateway with text/html"},
		"a portal":        {says(511, "canary"), []error{dss.ErrUnreachable}, "511 Network Authentication Required"},
		"starting":        {busy(503, "5"), []error{dss.ErrUnreachable}, "503 Service Unavailable"},
		"refused":         {refused, []error{dss.ErrUnreachable}, "connection refused"},
		"silent":          {hangs, []error{dss.ErrUnreachable}, "no answer from auth.example.org in time"},
	} {
		for _, flow := range everyFlow {
			t.Run(name+" "+string(flow), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					started := time.Now()
					client := newClient(t, dss.Config{
						Server: "https://auth.example.org", ClientID: clientID, Flow: flow, HTTPClient: &http.Client{Transport: roundTrip(tt.reply)},
					})
					client.SetListen(newPipes().listen)
					signIn, err := client.Start(t.Context())
					if signIn != nil || err == nil || !strings.Contains(err.Error(), tt.text) || strings.Contains(err.Error(), "canary") {
						t.Errorf("%v, want %s", err, tt.text)
					}
					for _, kind := range []error{dss.ErrWrongServer, dss.ErrUnreachable} {
						if want := errors.Is(errors.Join(tt.kinds...), kind); errors.Is(err, kind) != want {
							t.Errorf("%v is %v: %v", err, kind, !want)
						}
					}
					if took := time.Since(started); took > 15*time.Second {
						t.Errorf("that took %v", took)
					}
				})
			})
		}
	}
}

// TestServerByAnotherName works where the answer does not come back by name.
func TestServerByAnotherName(t *testing.T) {
	for _, tt := range []struct {
		server, issuer   string
		loopback, others bool
	}{
		{"https://AUTH.example.org.:443/", "https://auth.example.org", true, true},
		{"https://my-app.auth.example.org", "https://auth.example.org", false, true},
		{"https://my-app.auth.example.org:8443", "https://auth.example.org:8443", false, true},
		{"https://a.b.auth.example.org", "https://auth.example.org", false, false},
		{"https://auth.example.org", "https://my-app.auth.example.org", false, false},
		{"http://127.0.0.1:8080", "http://localhost:8080", false, true},
		{"http://[::1]:8080", "http://localhost:8080", false, true},
		{"http://127.0.0.1:8080", "http://localhost:8081", false, false},
		{"http://127.0.0.1:8080", "https://auth.example.org", false, false},
	} {
		for _, flow := range everyFlow {
			want := tt.others
			if flow == dss.FlowAuto || flow == dss.FlowLoopback {
				want = tt.loopback
			}
			client := newClient(t, dss.Config{
				Server: tt.server, ClientID: clientID, Flow: flow,
				HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					if r.URL.Path == api.PathMetadata {
						return metadata(`"issuer":"` + tt.issuer + `"`)(r)
					}
					return says(http.StatusOK, someDevice)(r)
				})},
			})
			signIn, err := client.Start(t.Context())
			if (err == nil) != want || err != nil && !errors.Is(err, dss.ErrWrongServer) {
				t.Errorf("%s at %s, which is %s: %v", flow, tt.server, tt.issuer, err)
			}
			if err == nil {
				signIn.Close()
			}
		}
	}
}

// TestBusyServer is not asked again before the user signs in.
func TestBusyServer(t *testing.T) {
	for _, flow := range []dss.Flow{dss.FlowLoopback, dss.FlowRelay, dss.FlowImplicit} {
		signIn, err := newClient(t, dss.Config{
			Server: "https://auth.example.org", ClientID: clientID, Flow: flow, HTTPClient: &http.Client{Transport: roundTrip(busy(429, "5"))},
		}).Start(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", flow, err)
		}
		signIn.Close()
	}
}

// TestCertificateThatNobodyTrusts is found out by Start too.
func TestCertificateThatNobodyTrusts(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = quiet
	server.StartTLS()
	defer server.Close()
	for _, flow := range everyFlow {
		_, err := newClient(t, dss.Config{Server: server.URL, ClientID: clientID, Flow: flow}).Start(t.Context())
		if !errors.Is(err, dss.ErrUnreachable) || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v", flow, err)
		}
	}
}

// TestSandboxIsFollowed by a client without an API of its own, if the server
// is on this machine.
func TestSandboxIsFollowed(t *testing.T) {
	s := serve(t)
	for _, flow := range everyFlow {
		if flow == dss.FlowDevice {
			continue // it waits for seconds, and the server sends users on
		}
		client := newClient(t, dss.Config{Server: s.url, ClientID: clientID, Flow: flow, Prompt: approve})
		token, err := client.SignIn(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", flow, err)
		}
		info, err := client.Inspect(t.Context(), token.AccessToken.Reveal())
		if err != nil || info.DisplayName != "Sandbox User" {
			t.Errorf("%s: %+v, %v", flow, info, err)
		}
		holder, err := dss.NewTokenClient(dss.Config{Server: s.url})
		if err != nil {
			t.Fatal(err)
		}
		if err := holder.Invalidate(t.Context(), token.AccessToken.Reveal()); err != nil {
			t.Errorf("%s: %v", flow, err)
		}
		if _, err := client.Inspect(t.Context(), token.AccessToken.Reveal()); !errors.Is(err, dss.ErrInvalidToken) {
			t.Errorf("%s: %v", flow, err)
		}
	}
}

// TestSandboxThatIsNotTrusted leaves everything at the real Stack Exchange.
func TestSandboxThatIsNotTrusted(t *testing.T) {
	for _, tt := range []struct {
		server, sandbox string
		config          dss.Config
		users, api      string
	}{
		{"http://localhost:8080", "http://localhost:8080/sandbox", dss.Config{}, "localhost:8080", "localhost:8080"},
		{"http://127.0.0.1:8080", "http://localhost:8080/sandbox", dss.Config{}, "localhost:8080", "localhost:8080"},
		{"http://localhost:8080", "", dss.Config{}, "stackoverflow.com", "api.stackexchange.com"},
		{"http://localhost:8080", "http://localhost:8081/sandbox", dss.Config{}, "stackoverflow.com", "api.stackexchange.com"},
		{"http://localhost:8080", "http://evil.example/sandbox", dss.Config{}, "stackoverflow.com", "api.stackexchange.com"},
		{"http://localhost:8080", "http://localhost:8080@evil.example/sandbox", dss.Config{}, "stackoverflow.com", "api.stackexchange.com"},
		{"https://auth.example.org", "https://auth.example.org/sandbox", dss.Config{}, "stackoverflow.com", "api.stackexchange.com"},
		{"http://localhost:8080", "http://localhost:8080/sandbox", dss.Config{API: "https://api.example.org"}, "localhost:8080", "api.example.org"},
		{"http://localhost:8080", "http://localhost:8080/sandbox", dss.Config{StackExchange: "https://se.example.org"}, "se.example.org", "localhost:8080"},
	} {
		asked := ""
		tt.config.Server, tt.config.ClientID, tt.config.Flow = tt.server, clientID, dss.FlowRelay
		tt.config.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == api.PathMetadata {
				return metadata(fmt.Sprintf(`"issuer":%q,"dss_sandbox":%q`, tt.server, tt.sandbox))(r)
			}
			asked = r.URL.Host
			return says(http.StatusOK, `{"items":[]}`)(r)
		})}
		client := newClient(t, tt.config)
		signIn, err := client.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if address, err := url.Parse(signIn.URL); err != nil || address.Host != tt.users {
			t.Errorf("%s says %s: users go to %s", tt.server, tt.sandbox, signIn.URL)
		}
		if _, err := client.Inspect(t.Context(), "T"); !errors.Is(err, dss.ErrInvalidToken) || asked != tt.api {
			t.Errorf("%s says %s: tokens go to %s, %v", tt.server, tt.sandbox, asked, err)
		}
	}
}

// TestTokensStayOnThisMachine whatever proxy the environment names.
func TestTokensStayOnThisMachine(t *testing.T) {
	var proxied atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Add(1) }))
	defer proxy.Close()
	through, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"items":[{"account_id":7}]}`))
	}))
	defer here.Close()
	_, port, _ := net.SplitHostPort(here.Listener.Addr().String())
	for _, host := range []string{"localhost", "LOCALHOST", "localhost.", "api.localhost", "API.Localhost", "a.b.localhost.", "127.0.0.1", "api.localhost.example", "notlocalhost"} {
		transport := &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return through, nil }}
		client, err := dss.NewTokenClient(dss.Config{API: "http://" + host + ":" + port, HTTPClient: &http.Client{Transport: transport}})
		if strings.HasPrefix(host, "api.localhost.e") || host == "notlocalhost" {
			if err == nil {
				t.Errorf("plain http to %s", host)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		if _, err := client.Inspect(t.Context(), "aToken"); err != nil || proxied.Load() != 0 {
			t.Errorf("%s: %v, and %d requests to the proxy", host, err, proxied.Load())
		}
	}
}

// TestOtherTransports are not known to keep names below localhost here.
func TestOtherTransports(t *testing.T) {
	for server, want := range map[string]bool{
		"http://dss.localhost:8080": false, "http://localhost:8080": true, "http://127.0.0.1:8080": true, "https://dss.localhost:8080": true,
	} {
		_, err := dss.New(dss.Config{Server: server, ClientID: clientID, HTTPClient: from(nothing)})
		if (err == nil) != want {
			t.Errorf("%s: %v", server, err)
		}
	}
}

// TestTransportsKeepWhatTheyAre except for what is for this machine.
func TestTransportsKeepWhatTheyAre(t *testing.T) {
	dialed := errors.New("dialled by the caller's function")
	for name, tt := range map[string]struct {
		given        *http.Transport
		http2, dials bool
	}{
		"ours":        {nil, true, false},
		"the default": {routes.network.(*http.Transport), true, false},
		"bare":        {&http.Transport{}, true, false},
		"own TLS":     {&http.Transport{TLSClientConfig: &tls.Config{}}, false, false},
		"own dialler": {&http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, dialed }}, false, true},
		//lint:ignore SA1019 programs may still set it
		"older dialler": {&http.Transport{Dial: func(string, string) (net.Conn, error) { return nil, dialed }}, false, true},
	} {
		config := dss.Config{Server: "https://auth.example.org", ClientID: clientID, HTTPClient: &http.Client{}}
		if tt.given != nil {
			config.HTTPClient.Transport = tt.given
		}
		client := newClient(t, config)
		carrier := client.Transport().(*http.Transport)
		if carrier == tt.given || carrier.ForceAttemptHTTP2 != tt.http2 || carrier.HTTP2.SendPingTimeout == 0 {
			t.Errorf("%s: HTTP/2 is %v", name, carrier.ForceAttemptHTTP2)
		}
		if !tt.dials {
			continue
		}
		if _, err := client.Start(t.Context()); !errors.Is(err, dialed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestProxyThatRefuses is told with its name and status, and nothing of what
// it says.
func TestProxyThatRefuses(t *testing.T) {
	for _, status := range []int{401, 403, 404, 407, 500, 502, 503} {
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "canary", status)
		}))
		through, err := url.Parse(proxy.URL)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{Proxy: http.ProxyURL(through)}
		for _, flow := range everyFlow {
			_, err = newClient(t, dss.Config{
				Server: "https://auth.example.org", ClientID: clientID, Flow: flow, HTTPClient: &http.Client{Transport: transport},
			}).Start(t.Context())
			want := fmt.Sprintf("the proxy %s answers %d %s", through.Host, status, http.StatusText(status))
			if !errors.Is(err, dss.ErrUnreachable) || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		}
		proxy.Close()
	}
}

// TestRequestID is in the error and its text.
func TestRequestID(t *testing.T) {
	for id, want := range map[string]string{"": "", "abc-123_DEF.4": "abc-123_DEF.4", "a\x1b[2J": "", strings.Repeat("a", 41): ""} {
		_, err := newClient(t, dss.Config{
			Server: "https://auth.example.org", ClientID: clientID, Flow: dss.FlowDevice,
			HTTPClient: from(says(400, `{"error":"invalid_client","error_description":"no such app"}`, "X-Request-Id", id)),
		}).Start(context.Background())
		answer, ok := errors.AsType[*dss.Error](err)
		if !ok || answer.RequestID != want || want != "" && !strings.Contains(err.Error(), "request "+want) {
			t.Errorf("%q: %#v", id, err)
		}
	}
}

// TestScopesOfTheAnswer are those that count.
func TestScopesOfTheAnswer(t *testing.T) {
	for answer, want := range map[string]string{
		`{"access_token":"T"}`:                                "read_inbox write_access",
		`{"access_token":"T","scope":null}`:                   "read_inbox write_access",
		`{"access_token":"T","scope":["x"]}`:                  "read_inbox write_access",
		`{"access_token":"T","scope":"read_inbox"}`:           "read_inbox",
		`{"access_token":"T","scope":"read_inbox,no_expiry"}`: "read_inbox no_expiry",
		`{"access_token":"T","scope":""}`:                     "",
	} {
		for _, flow := range []dss.Flow{dss.FlowRelay, dss.FlowDevice} {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{replies: []reply{says(http.StatusOK, answer)}, device: someDevice, started: time.Now()}
				if flow == dss.FlowRelay {
					f.replies = append([]reply{code}, f.replies...)
				}
				token, err := newClient(t, dss.Config{
					Server: "https://auth.example.org", ClientID: clientID, Flow: flow, Scopes: scopes, Prompt: nobody, HTTPClient: &http.Client{Transport: f},
				}).SignIn(t.Context())
				if err != nil || strings.Join(token.Scopes, " ") != want {
					t.Errorf("%s %s: %v, %v", flow, answer, token, err)
				}
			})
		}
	}
}
