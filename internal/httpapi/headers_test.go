package httpapi_test

import (
	"crypto/rand"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/test/outage"
)

const (
	pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
		"base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
	permissions = "accelerometer=(), camera=(), clipboard-read=(), display-capture=(), geolocation=(), " +
		"gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()"
)

// forPrograms are the paths whose answers scripts of other sites may read.
var forPrograms = []string{"/auth/token", "/oauth/token", "/oauth/revoke", "/oauth/device_authorization", "/oauth/jwks",
	"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/openapi.json"}

// wantedHeaders are those of an answer to a request for path; "*" is any value,
// and "" none.
func wantedHeaders(path string, answer *http.Response) map[string]string {
	want := map[string]string{
		"Content-Security-Policy": pagePolicy, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Origin-Agent-Cluster": "?1",
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "X-Robots-Tag": "noindex", "Permissions-Policy": permissions,
		"Strict-Transport-Security": "max-age=31536000", "X-Request-Id": "*", "Access-Control-Allow-Origin": "",
		"Access-Control-Expose-Headers": "",
	}
	ofSite := path == "/" || path == "/security" || path == "/accessibility" || path == "/privacy" || path == "/status" || strings.HasPrefix(path, "/docs/")
	if ofSite && answer.StatusCode == http.StatusOK { // for search engines, too
		want["X-Robots-Tag"] = ""
	}
	media := answer.Header.Get("Content-Type")
	switch programs := slices.Contains(forPrograms, path); {
	case strings.HasPrefix(path, "/sandbox/"):
		// Chromium applies form-action to where the consent leads.
		want["Content-Security-Policy"] = strings.Replace(pagePolicy, "form-action 'self'; ", "", 1)
		if strings.HasPrefix(path, "/sandbox/2.3") {
			want["Access-Control-Allow-Origin"] = "*"
		}
	case path == "/favicon.ico", strings.HasPrefix(path, "/assets/") && answer.StatusCode < 400:
		onlyOf(want, "Cross-Origin-Resource-Policy", "X-Content-Type-Options")
		want["Cache-Control"] = "public, max-age=31536000, immutable"
	case programs, answer.StatusCode == http.StatusNoContent, media == "application/json", strings.HasPrefix(media, "text/plain"):
		onlyOf(want, "Cache-Control", "X-Content-Type-Options")
		want["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
		if programs {
			want["Access-Control-Allow-Origin"] = "*"
		}
		if programs && answer.StatusCode >= 400 {
			want["Access-Control-Expose-Headers"] = "Retry-After, X-Request-Id"
		}
	}
	return want
}

// onlyOf empties all headers but the named ones and those that every answer has.
func onlyOf(want map[string]string, names ...string) {
	for name := range want {
		if !slices.Contains(append(names, "Strict-Transport-Security", "X-Request-Id"), name) {
			want[name] = ""
		}
	}
}

// visit is a request, and the status of its answer.
type visit struct {
	status             int
	method, path, body string
	header             []string // Host among them
	differs            map[string]string
}

// site is a server over TLS that speaks HTTP/1.1 and HTTP/2.
type site struct {
	*testing.T
	*httpapi.Server
	url      string
	log      *buffer
	protocol string
	client   *http.Client
}

// newSites returns a server twice: over each protocol.
func newSites(t *testing.T, store sealed.Store, handler func(*httpapi.Server) http.Handler, configure ...func(*httpapi.Config)) []site {
	t.Helper()
	ts := httptest.NewUnstartedServer(nil)
	ts.EnableHTTP2 = true
	ts.Config.DisableGeneralOptionsHandler = true // as cmd/dss has it
	log := &buffer{}
	config := httpapi.Config{
		PublicURL: &url.URL{Scheme: "https", Host: ts.Listener.Addr().String()}, Log: slog.New(slog.NewJSONHandler(log, nil)),
	}
	for _, f := range configure {
		f(&config)
	}
	server, err := httpapi.New(sealed.NewVault(store), config)
	if err != nil {
		t.Fatal(err)
	}
	ts.Config.Handler = handler(server)
	ts.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	ts.StartTLS()
	t.Cleanup(ts.Close)
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	modern := ts.Client().Transport.(*http.Transport)
	old := modern.Clone()
	old.TLSClientConfig.NextProtos, old.ForceAttemptHTTP2, old.TLSNextProto = nil, false, map[string]func(string, *tls.Conn) http.RoundTripper{}
	t.Cleanup(old.CloseIdleConnections)
	return []site{
		{t, server, ts.URL, log, "HTTP/1.1", &http.Client{Transport: old, CheckRedirect: stay}},
		{t, server, ts.URL, log, "HTTP/2.0", &http.Client{Transport: modern, CheckRedirect: stay}},
	}
}

func whole(s *httpapi.Server) http.Handler { return s.Handler() }

// get sends v and checks status, protocol and headers of the answer.
func (s site) get(v visit) (http.Header, string) {
	s.Helper()
	request, err := http.NewRequestWithContext(s.Context(), v.method, s.url, strings.NewReader(v.body))
	if err != nil {
		s.Fatal(err)
	}
	request.URL.Path, request.URL.RawQuery, _ = strings.Cut(v.path, "?")
	if v.path == "*" {
		request.URL.Path, request.URL.Opaque = "", "*"
	}
	if v.body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(v.header); i += 2 {
		if v.header[i] == "Host" {
			request.Host = v.header[i+1]
		}
		request.Header.Set(v.header[i], v.header[i+1])
	}
	response, err := s.client.Do(request)
	if err != nil {
		s.Fatalf("%s %s over %s: %v", v.method, v.path, s.protocol, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != v.status || response.Proto != s.protocol {
		s.Errorf("%s %s: %s answers %d, want %d over %s: %v %.200s", v.method, v.path, response.Proto, response.StatusCode, v.status, s.protocol, err, body)
	}
	want := wantedHeaders(request.URL.Path, response)
	if strings.Contains(strings.ReplaceAll(string(body), `<form method="post" action="/language"`, ""), "<form") {
		want["Referrer-Policy"] = "strict-origin"
	}
	for name, value := range v.differs {
		want[name] = value
	}
	for name, value := range want {
		got := strings.Join(response.Header.Values(name), " | ")
		if value == "*" && name == "X-Request-Id" && got != "" {
			continue
		}
		if got != value {
			s.Errorf("%s %s over %s: %d with %s %q, want %q", v.method, v.path, s.protocol, response.StatusCode, name, got, value)
		}
	}
	return response.Header, string(body)
}

// signInPolicy lets a form end where its redirect leads.
func signInPolicy(signIn string) map[string]string {
	return map[string]string{
		"Content-Security-Policy": strings.Replace(pagePolicy, "form-action 'self'", "form-action 'self' https: "+signIn, 1),
	}
}

var (
	html       = []string{"Accept", "text/html"}
	sameOrigin = []string{"Sec-Fetch-Site", "same-origin"}
	assetPath  = regexp.MustCompile(`/assets/site\.[0-9a-f]+\.css`)
)

// visits are requests to every route, with every kind of answer.
func (s site) visits() []visit {
	key := rand.Text()
	app := url.Values{
		"response_type": {"code"}, "client_id": {"7"}, "redirect_uri": {"http://127.0.0.1:1/"}, "code_challenge_method": {"S256"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
	}.Encode()
	signsIn := signInPolicy(s.url)
	form := map[string]string{"Referrer-Policy": "strict-origin"}
	_, home := s.get(visit{status: 200, method: "GET", path: "/"})
	asset := assetPath.FindString(home)
	assetHeader, _ := s.get(visit{200, "GET", asset, "", nil, nil})
	all := []visit{
		{200, "GET", "/auth/redirect", "", nil, nil},
		{200, "HEAD", "/auth/redirect", "", nil, form},
		{200, "GET", "/auth/redirect?state=" + key + "&code=c", "", nil, nil},
		{400, "GET", "/auth/redirect?state=x", "", nil, nil},
		{200, "GET", "/auth/redirect/17", "", nil, nil},
		{303, "GET", "/oauth/callback?code=c&state=dss." + strings.Repeat("x", 43), "", nil, nil},
		{405, "HEAD", "/oauth/callback", "", nil, nil},
		{405, "POST", "/oauth/callback", "a=b", nil, nil},
		{204, "POST", "/auth/redirect", "state=" + key + "&access_token=T", sameOrigin, nil},
		{303, "POST", "/auth/redirect", "state=" + key + "&access_token=T", append(sameOrigin, html...), nil},
		{204, "POST", "/auth/redirect/17", "state=" + key + "&error=access_denied", sameOrigin, nil},
		{403, "POST", "/auth/redirect", "state=" + key + "&access_token=T", nil, nil},
		{413, "POST", "/auth/redirect", "filler=" + strings.Repeat("x", 9<<10), sameOrigin, nil},
		{405, "PUT", "/auth/redirect", "", nil, nil},
		{405, "DELETE", "/auth/redirect/17", "", nil, nil},
		{405, "DELETE", "/auth/redirect/17", "", html, nil},
		{303, "GET", "/auth/redirect/17/more", "", nil, nil},
		{200, "GET", "/auth/token?key=" + key, "", nil, nil},
		{404, "GET", "/auth/token?key=" + key, "", nil, nil},
		{403, "GET", "/auth/token?appid=17&key=" + key, "", nil, nil},
		{400, "GET", "/auth/token?key=%zz", "", nil, nil},
		{404, "POST", "/auth/token", "key=" + key, nil, nil},
		{413, "POST", "/auth/token", "filler=" + strings.Repeat("x", 9<<10), nil, nil},
		{415, "POST", "/auth/token", "{}", []string{"Content-Type", "application/json"}, nil},
		{204, "OPTIONS", "/auth/token", "", nil, nil},
		{405, "HEAD", "/auth/token", "", nil, nil},
		{405, "PUT", "/auth/token", "", nil, nil},
		{404, "GET", "/auth/nothing", "", nil, nil},
		{404, "GET", "/auth?key=" + key, "", nil, nil},
		{200, "GET", "/.well-known/oauth-authorization-server", "", nil, nil},
		{204, "OPTIONS", "/.well-known/oauth-authorization-server", "", nil, nil},
		{405, "POST", "/.well-known/oauth-authorization-server", "", nil, nil},
		{200, "GET", "/.well-known/openid-configuration", "", nil, nil},
		{204, "OPTIONS", "/.well-known/openid-configuration", "", nil, nil},
		{405, "PUT", "/.well-known/openid-configuration", "", nil, nil},
		{200, "GET", "/oauth/jwks", "", nil, nil},
		{204, "OPTIONS", "/oauth/jwks", "", nil, nil},
		{405, "PUT", "/oauth/jwks", "", nil, nil},
		{200, "GET", "/done", "", nil, nil},
		{200, "GET", "/denied?code=SECRET", "", nil, nil},
		{200, "GET", "/failed", "", nil, nil},
		{303, "POST", "/language", "language=en&return=/", sameOrigin, nil},
		{403, "POST", "/language", "language=en&return=/", nil, nil},
		{403, "GET", "/problem/wrong_browser", "", nil, nil},
		{404, "GET", "/problem/nothing", "", nil, nil},
		{303, "GET", "/oauth/authorize?" + app, "", nil, nil},
		{303, "GET", "/oauth/authorize?client_id=7&redirect_uri=http://127.0.0.1:1/", "", nil, nil},
		{303, "GET", "/oauth/authorize?" + app, "", []string{"Host", "localhost:" + s.port()}, nil},
		{400, "GET", "/oauth/authorize", "", nil, nil},
		{405, "HEAD", "/oauth/authorize", "", nil, nil},
		{405, "POST", "/oauth/authorize", "a=b", nil, nil},
		{403, "GET", "/oauth/continue?sign_in=x", "", nil, nil},
		{403, "POST", "/oauth/continue", "decision=stop&sign_in=x", sameOrigin, nil},
		{403, "POST", "/oauth/continue", "decision=stop&sign_in=x", nil, nil},
		{405, "PUT", "/oauth/continue", "", nil, nil},
		{200, "GET", "/device", "", nil, signsIn},
		{404, "GET", "/device?user_code=BCDF-GHJK", "", nil, signsIn},
		{303, "POST", "/device", "user_code=BCDF-GHJK", sameOrigin, nil},
		{403, "POST", "/device", "user_code=BCDF-GHJK", nil, nil},
		{405, "PUT", "/device", "", nil, nil},
		{200, "GET", "/device/finished", "", nil, nil},
		{405, "PUT", "/device/finished", "", nil, nil},
		{403, "POST", "/device/finished", "sign_in=A&decision=cancel", nil, nil},
		{403, "POST", "/device/finished", "sign_in=A&decision=cancel", sameOrigin, nil},
		{200, "GET", "/auth/result/refused", "", html, nil},
		{404, "GET", "/auth/result/finished?sign_in=A", "", html, nil},
		{403, "GET", "/auth/result/finished?sign_in=A", "", []string{"Accept", "application/json"}, nil},
		{404, "GET", "/auth/result/nothing", "", html, nil},
		{405, "POST", "/auth/result/finished", "a=b", sameOrigin, nil},
		{404, "GET", "/device/nothing", "", nil, nil},
		{200, "GET", "/start", "", nil, signsIn},
		{200, "HEAD", "/start?platform=desktop", "", nil, signsIn},
		{200, "GET", "/start/", "", nil, signsIn},
		{405, "POST", "/start", "a=b", sameOrigin, nil},
		{200, "GET", "/start/try", "", nil, signsIn},
		{303, "POST", "/start/try", "client_id=7", sameOrigin, nil},
		{403, "POST", "/start/try", "client_id=7", nil, nil},
		{405, "DELETE", "/start/try", "", nil, nil},
		{200, "GET", "/start/report?seen=failure", "", nil, signsIn},
		{405, "POST", "/start/report", "a=b", sameOrigin, nil},
		{404, "GET", "/start/report/ABCDEFGHIJKLMNOP", "", nil, signsIn},
		{404, "GET", "/start/nothing", "", nil, nil},
		{200, "POST", "/oauth/device_authorization", "client_id=7", nil, nil},
		{400, "POST", "/oauth/device_authorization", "client_id=app", nil, nil},
		{204, "OPTIONS", "/oauth/device_authorization", "", nil, nil},
		{405, "GET", "/oauth/device_authorization", "", nil, nil},
		{400, "POST", "/oauth/token", "grant_type=authorization_code", nil, nil},
		{204, "OPTIONS", "/oauth/token", "", nil, nil},
		{405, "GET", "/oauth/token", "", nil, nil},
		{200, "POST", "/oauth/revoke", "token=unknown", nil, nil},
		{400, "POST", "/oauth/revoke", "a=b", nil, nil},
		{204, "OPTIONS", "/oauth/revoke", "", nil, nil},
		{405, "GET", "/oauth/revoke", "", nil, nil},
		{200, "GET", "/healthz", "", nil, nil},
		{200, "GET", "/readyz", "", nil, nil},
		{200, "GET", "/readyz", "", []string{"Host", "10.1.2.3"}, nil},
		{304, "GET", asset, "", []string{"If-None-Match", assetHeader.Get("ETag")}, nil},
		{200, "GET", "/assets/style.00000000.css", "", nil, map[string]string{"Cache-Control": "no-store"}},
		{404, "GET", "/assets/nothing.css", "", nil, nil},
		{200, "HEAD", "/", "", nil, form}, // the form for a program
		{200, "GET", "/docs/oauth", "", nil, nil},
		{404, "GET", "/docs/nothing", "", html, nil},
		{200, "GET", "/security", "", nil, nil},
		{200, "GET", "/accessibility", "", nil, nil},
		{200, "GET", "/privacy", "", nil, nil},
		{200, "GET", "/status", "", nil, nil},
		{200, "GET", "/openapi.json", "", nil, nil},
		{204, "OPTIONS", "/openapi.json", "", nil, nil},
		{405, "PUT", "/openapi.json", "", nil, nil},
		{404, "GET", "/.well-known/security.txt", "", nil, nil}, // names no contact
		{200, "GET", "/robots.txt", "", nil, nil},
		{200, "GET", "/favicon.ico", "", nil, map[string]string{"Cache-Control": "public, max-age=86400"}},
		{200, "GET", "/start/program", "", nil, nil},
		{200, "GET", "/try?code=c", "", nil, nil},
		{404, "GET", "/nowhere", "", html, nil},
		{404, "PUT", "/", "", nil, nil},
		{404, "GET", "/a/../b", "", nil, nil},
		{404, "GET", "/a//b", "", html, nil},
		{404, "OPTIONS", "*", "", nil, nil},
		{400, "GET", "/", "", []string{"Service-Worker", "script"}, nil},
		{421, "GET", "/auth/token?key=" + key, "", []string{"Host", "evil.example"}, nil},
		{421, "GET", "/", "", append([]string{"Host", "evil.example"}, html...), nil},
		{421, "POST", "/oauth/token", "a=b", []string{"Host", "evil.example"}, nil},
		{421, "GET", "/oauth/authorize", "", []string{"Host", "evil.example"}, nil},
		{404, "GET", "/oauth/nothing", "", nil, nil},
	}
	return append(all, sandboxVisits...)
}

var (
	consent = "/sandbox/oauth?client_id=7&redirect_uri=http://127.0.0.1:1/"
	// A problem of the API is a 400, whatever it is.
	sandboxVisits = []visit{
		{200, "GET", "/sandbox/", "", nil, nil},
		{307, "GET", "/sandbox", "", nil, nil},
		{200, "GET", "/sandbox/sandbox.css", "", nil, nil},
		{200, "GET", "/sandbox/interstitial.js", "", nil, nil},
		{200, "GET", consent, "", nil, nil},
		{302, "GET", consent + "&sandbox_decision=approve", "", nil, nil},
		{400, "GET", "/sandbox/oauth/dialog", "", nil, nil},
		{400, "POST", "/sandbox/oauth/access_token/json", "a=b", nil, map[string]string{"Access-Control-Allow-Origin": "*"}},
		{400, "GET", "/sandbox/2.3/me", "", nil, nil},
		{200, "GET", "/sandbox/2.3/access-tokens/x", "", nil, nil},
		{404, "GET", "/sandbox/nothing", "", nil, nil},
		{405, "POST", "/sandbox/", "", nil, nil},
	}
)

func (s site) port() string { return s.url[strings.LastIndex(s.url, ":")+1:] }

// TestHeaders walks every route and every kind of error over both protocols.
// What net/http refuses before any handler sees it (malformed requests, 417,
// 431) cannot have our headers, and holds nothing of ours.
func TestHeaders(t *testing.T) {
	fake := outage.New()
	sites := newSites(t, inMemory(), whole, func(c *httpapi.Config) {
		base := c.PublicURL.JoinPath("sandbox")
		c.Sandbox = fake
		c.StackExchange = stackexchange.Config{BaseURL: base, APIURL: base.JoinPath("2.3"), Transport: fake, Local: true}
	})
	for _, s := range sites {
		for _, v := range s.visits() {
			s.get(v)
		}
		for _, fault := range []outage.Fault{{Kind: outage.Status, Status: 502}, {Kind: outage.Garbage}, {Kind: outage.Redirect, Target: "/"}} {
			fake.SetFault(outage.ClassAPI, fault)
			status := map[outage.Kind]int{outage.Status: 502, outage.Garbage: 200, outage.Redirect: 302}[fault.Kind]
			s.get(visit{status, "GET", "/sandbox/2.3/me", "", nil, map[string]string{"Access-Control-Allow-Origin": ""}})
			s.get(visit{503, "POST", "/oauth/revoke", "token=unknown", nil, nil})
		}
		fake.SetFault(outage.ClassAPI, outage.Fault{})
	}
	log := sites[0].log.String()
	for _, pattern := range sites[0].Patterns() {
		if !strings.Contains(log, `"route":"`+pattern+`"`) {
			t.Errorf("nothing has been at %s", pattern)
		}
	}
}

// TestHeadersOfErrors answers with every error there is, to programs and to
// people, and with a panic.
func TestHeadersOfErrors(t *testing.T) {
	for _, s := range newSites(t, inMemory(), (*httpapi.Server).FailWith) {
		statuses := map[int]bool{}
		for _, name := range append(httpapi.RelayErrors(), "panic") {
			for _, header := range [][]string{nil, html} {
				status := 500
				if name != "panic" {
					status = statusOfError(t, s, name)
				}
				h, _ := s.get(visit{status, "GET", "/x?name=" + name, "", header, nil})
				if (status == 503 || status == 429) && h.Get("Retry-After") == "" {
					t.Errorf("%s without Retry-After", name)
				}
				statuses[status] = true
			}
		}
		s.get(visit{400, "POST", "/oauth/token?oauth&name=invalid_grant", "a=b", nil, nil})
		s.get(visit{503, "POST", "/oauth/token?oauth&name=temporarily_unavailable", "a=b", nil, nil})
		for _, status := range []int{400, 403, 404, 405, 409, 413, 415, 421, 429, 500, 503} {
			if !statuses[status] {
				t.Errorf("no error has the status %d", status)
			}
		}
	}
}

// statusOfError asks; which status is right is the scripts' matter.
func statusOfError(t *testing.T, s site, name string) int {
	t.Helper()
	response, err := s.client.Get(s.url + "/x?name=" + name)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// TestHeadersInTrouble: the store is away, the server shuts down.
func TestHeadersInTrouble(t *testing.T) {
	for _, s := range newSites(t, broken{inMemory()}, whole) {
		s.get(visit{503, "GET", "/auth/token?key=" + rand.Text(), "", nil, nil})
		s.get(visit{503, "POST", "/auth/redirect", "state=" + rand.Text() + "&access_token=T", append(sameOrigin, html...), nil})
		s.get(visit{503, "GET", "/readyz", "", nil, nil})
		s.get(visit{503, "POST", "/oauth/device_authorization", "client_id=7", nil, nil})
	}
	store := watched{inMemory(), make(chan struct{}, 2)}
	sites := newSites(t, store, whole)
	var waiters sync.WaitGroup
	for _, s := range sites {
		waiters.Go(func() { s.get(visit{503, "GET", "/auth/token?wait=60&key=" + rand.Text(), "", nil, nil}) })
		<-store.watches
	}
	sites[0].Drain()
	waiters.Wait()
	for _, s := range sites {
		s.get(visit{503, "GET", "/readyz", "", nil, nil})
	}
}
