package dss_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/browser"
	"github.com/desktop-stack-serv/dss/internal/scripted"
)

// autoWorld is a client of FlowAuto in a bubble: its server, its listener, which browsers
// reach, and what it shows and gets.
type autoWorld struct {
	t      *testing.T
	server server
	client *dss.Client
	shown  chan dss.SignIn

	mu     sync.Mutex
	asked  map[string]int // requests of the client by path, and by what it ended at the server
	tokens []string       // that were issued
	device string         // the last device code
	failed []string       // why there was none
}

// What a client ends at the server: a device grant, or the code grant of the loopback flow.
const (
	endsDevice = "ends the device grant"
	endsCode   = "ends the code grant"
)

// ports are of listeners that are not there.
var ports atomic.Int64

// newAutoWorld has prompt shown each sign-in, too; it may be nil.
func newAutoWorld(t *testing.T, place browser.Place, prompt func(*dss.SignIn) error) *autoWorld {
	w := &autoWorld{t: t, server: simulate(t), shown: make(chan dss.SignIn, 3), asked: map[string]int{}}
	w.client = w.server.client(t, dss.Config{
		Scopes: scopes, HTTPClient: &http.Client{Transport: w}, API: w.server.url + "/sandbox/2.3",
		Prompt: func(s *dss.SignIn) error {
			w.shown <- *s
			if prompt == nil {
				return nil
			}
			return prompt(s)
		},
		NoDevice: func(err error) { w.failed = append(w.failed, err.Error()) },
	})
	w.client.SetPlace(place)
	listener := newPipes()
	listener.port = int(ports.Add(1))
	w.client.SetListen(listener.listen)
	host := listener.Addr().String()
	routes.handlers.Store(host, throughPipes{listener, host})
	t.Cleanup(func() { routes.handlers.Delete(host) })
	return w
}

// throughPipes carries the requests of browsers to a listener.
type throughPipes struct {
	to   *pipes
	host string
}

// ServeHTTP implements [http.Handler].
func (p throughPipes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = r.Clone(r.Context())
	r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", p.host
	answer, err := p.to.browser().Transport.RoundTrip(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}

// RoundTrip carries the client's requests, and reads what comes back.
func (w *autoWorld) RoundTrip(r *http.Request) (*http.Response, error) {
	ends := ""
	if r.URL.Path == api.PathRevoke {
		sent, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		body, _ := io.ReadAll(sent) // of a string
		ends = endsDevice
		if strings.Contains(string(body), "token="+api.EndPrefix) {
			ends = endsCode
		}
	}
	answer, err := routes.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(strings.NewReader(string(body)))
	var got struct {
		AccessToken string `json:"access_token"`
		DeviceCode  string `json:"device_code"`
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[r.URL.Path]++
	w.asked[ends]++
	if json.Unmarshal(body, &got) == nil && got.AccessToken != "" {
		w.tokens = append(w.tokens, got.AccessToken)
	}
	if got.DeviceCode != "" {
		w.device = got.DeviceCode
	}
	return answer, nil
}

// signIn starts the sign-in. The function it returns waits for its end.
func (w *autoWorld) signIn(ctx context.Context) (end func() (*dss.Token, error)) {
	type result struct {
		token *dss.Token
		err   error
	}
	ended := make(chan result, 1)
	go func() {
		token, err := w.client.SignIn(ctx)
		ended <- result{token, err}
	}()
	return func() (*dss.Token, error) { r := <-ended; return r.token, r.err }
}

// visit has a user decide at an address, in a browser of their own.
func (w *autoWorld) visit(address string, user scripted.User) scripted.Page {
	page, err := scripted.New().Visit(address, user)
	if err != nil {
		w.t.Errorf("the browser: %v", err)
	}
	return page
}

// checkOneToken checks that there is one token, which works, and that the server keeps
// nothing but the entry of its sign-in, for the page in the browser.
func (w *autoWorld) checkOneToken(kept *dss.Token, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	w.checkTokens(kept.AccessToken.Reveal())
	if entries, _ := w.server.store.Usage(); entries != 1 {
		w.t.Errorf("%d entries are left", entries)
	}
}

// checkTokens checks that no token but one works; that may be "".
func (w *autoWorld) checkTokens(kept string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if kept != "" && !slices.Contains(w.tokens, kept) {
		w.t.Error("a token from nowhere")
	}
	for _, token := range w.tokens {
		if works := w.server.call(w.t, "me", token) == http.StatusOK; works != (token == kept) {
			w.t.Errorf("a token works: %v", works)
		}
	}
	if w.device == "" {
		return
	}
	form := url.Values{"grant_type": {api.GrantDeviceCode}, "client_id": {clientID}, "device_code": {w.device}}
	answer, err := (&http.Client{Transport: &routes}).PostForm(w.server.url+api.PathOAuthToken, form)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); !strings.Contains(string(body), `"invalid_grant"`) {
		w.t.Errorf("the device code is good for %s", body)
	}
}
