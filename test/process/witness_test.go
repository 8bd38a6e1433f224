//go:build integration

package process_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/scripted"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// witness is a Stack Exchange that agrees to everything, and an app with a user. It
// knows every secret of their sign-ins.
type witness struct {
	t           *testing.T
	url, server string
	client      *http.Client // whose requests it reads

	mu      sync.Mutex
	secrets map[string][]string // by kind
	visited []string            // by browsers
	before  map[string][]string // secrets of earlier batches
}

func newWitness(t *testing.T) *witness {
	w := &witness{t: t, secrets: map[string][]string{}, before: map[string][]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /oauth", w.giveCode)
	mux.HandleFunc("GET /oauth/dialog", w.giveToken)
	mux.HandleFunc("POST /oauth/access_token/json", w.redeem)
	fake := httptest.NewServer(mux)
	t.Cleanup(fake.Close)
	w.url, w.client = fake.URL, &http.Client{Transport: w}
	return w
}

// plant makes a secret.
func (w *witness) plant(kind string) string {
	text := "planted" + rand.Text()
	w.knows(kind, text)
	return text
}

func (w *witness) knows(kind, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if text != "" && !slices.Contains(w.secrets[kind], text) {
		w.secrets[kind] = append(w.secrets[kind], text)
	}
}

// forget begins a batch.
func (w *witness) forget() {
	for kind, secrets := range w.secrets {
		w.before[kind] = append(w.before[kind], secrets...)
	}
	w.secrets, w.visited = map[string][]string{}, nil
}

// remember has it know the secrets of all batches.
func (w *witness) remember() {
	w.forget()
	w.secrets = w.before
}

func (w *witness) giveCode(rw http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	answer := url.Values{"code": {w.plant(theCode)}, "state": {query.Get("state")}}
	http.Redirect(rw, r, query.Get("redirect_uri")+"?"+answer.Encode(), http.StatusFound)
}

func (w *witness) giveToken(rw http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	answer := url.Values{"access_token": {w.plant(theToken)}, "expires": {"86400"}, "state": {query.Get("state")}}
	rw.Header().Set("Location", query.Get("redirect_uri")+"#"+answer.Encode())
	rw.WriteHeader(http.StatusFound)
}

func (w *witness) redeem(rw http.ResponseWriter, r *http.Request) {
	w.knows(theVerifier, r.FormValue("code_verifier"))
	fmt.Fprintf(rw, `{"access_token":%q,"expires":86400}`, w.plant(theToken))
}

// RoundTrip implements [http.RoundTripper] for the app.
func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		for name, kind := range map[string]string{
			"key": theKey, "verifier": theKeyVerifier, "code_verifier": theVerifier, "device_code": theDeviceCode,
		} {
			w.knows(kind, form.Get(name))
		}
		if strings.HasPrefix(r.URL.String(), w.server) {
			w.knows(theAppCode, form.Get("code"))
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
	}
	return http.DefaultTransport.RoundTrip(r)
}

// visit has a user with a browser of their own agree to everything.
func (w *witness) visit(address string) error {
	browser := scripted.New()
	page, err := browser.Visit(address, scripted.Approves)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.visited = append(w.visited, browser.Visited...)
	w.visited = append(w.visited, page.URL.String(), page.Body)
	return err
}

// withClient signs in with the Go client, as an app does.
func (w *witness) withClient(flow dss.Flow, stackExchange string) error {
	client, err := dss.New(dss.Config{
		Server: w.server, ClientID: "7", Flow: flow, StackExchange: stackExchange, HTTPClient: w.client,
		Prompt: func(s *dss.SignIn) error { return w.visit(s.URL) },
	})
	if err == nil {
		_, err = client.SignIn(context.Background())
	}
	return err
}

func (w *witness) implicit() error { return w.withClient(dss.FlowImplicit, w.url) }

func (w *witness) relay() error { return w.withClient(dss.FlowRelay, w.url) }

func (w *witness) direct() error { return w.withClient(dss.FlowLoopback, w.url) }

// codeGrant is that of a client whose Stack Exchange is not the server's, like those
// that do not know of direct redemption.
func (w *witness) codeGrant() error {
	return w.withClient(dss.FlowLoopback, "https://elsewhere.example")
}

// unboundRelay uses a key without a verifier, as the clients of 2017 do.
func (w *witness) unboundRelay() error {
	own, mine := secret.Random(), w.plant(theKey)
	w.knows(theVerifier, own.Reveal())
	back := w.server + "/auth/redirect"
	if err := w.visit(w.url + "/oauth?" + url.Values{
		"client_id": {"7"}, "redirect_uri": {back}, "state": {mine}, "code_challenge": {secret.S256(own)}, "code_challenge_method": {"S256"},
	}.Encode()); err != nil {
		return err
	}
	var answer struct{ Code string }
	if err := w.post(w.server+"/auth/token", url.Values{"key": {mine}}, &answer); err != nil {
		return err
	}
	return w.post(w.url+"/oauth/access_token/json", url.Values{
		"client_id": {"7"}, "redirect_uri": {back}, "code": {answer.Code}, "code_verifier": {own.Reveal()},
	}, &struct{}{})
}

// device polls once, when the user is done.
func (w *witness) device() error {
	var started struct {
		DeviceCode string `json:"device_code"`
		UserCode   string `json:"user_code"`
		Address    string `json:"verification_uri_complete"`
	}
	if err := w.post(w.server+"/oauth/device_authorization", url.Values{"client_id": {"7"}}, &started); err != nil {
		return err
	}
	w.knows(theUserCode, started.UserCode)
	w.knows(theUserCode, strings.ReplaceAll(started.UserCode, "-", ""))
	if err := w.visit(started.Address); err != nil {
		return err
	}
	return w.post(w.server+"/oauth/token", pollForm(started.DeviceCode), &struct{}{})
}

func (w *witness) post(address string, form url.Values, answer any) error {
	response, err := w.client.PostForm(address, form)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s %s: %w", address, response.Status, body, err)
	}
	return json.Unmarshal(body, answer)
}
