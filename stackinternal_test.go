package dss_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/sandbox"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// internalSite is a site of Stack Internal: all paths under one host, perhaps below
// one of its own. Its API has no other sites, and reads tokens in their own header.
type internalSite struct {
	*testing.T
	base    string
	sandbox *sandbox.Sandbox
}

// ServeHTTP implements [http.Handler].
func (s internalSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, _ := strings.CutPrefix(r.URL.Path, s.base)
	method, ofAPI := strings.CutPrefix(path, "/api/2.3/")
	switch {
	case ofAPI && r.URL.RawQuery != "":
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error_id":400,"error_name":"bad_parameter","error_message":"site is not a parameter"}`)
		return
	case ofAPI:
		r.Header.Set("Authorization", "Bearer "+r.Header.Get("X-API-Access-Token"))
		path = "/sandbox/2.3/" + method
	case path == "/oauth" || path == "/oauth/dialog" || path == "/oauth/access_token/json":
		path = "/sandbox" + path
	case strings.HasPrefix(r.URL.Path, "/sandbox/"): // the buttons of its page
		path = r.URL.Path
	default:
		s.Errorf("there is no %s", r.URL.Path)
	}
	r.URL.Path, r.URL.RawPath = path, ""
	s.sandbox.ServeHTTP(w, r)
}

// serveInternal serves a site, and a DSS server for it, as its flags do.
func serveInternal(t *testing.T, base string) (s server, site string) {
	t.Helper()
	fake := sandbox.New(sandbox.Config{})
	upstream := httptest.NewServer(internalSite{t, base, fake})
	t.Cleanup(upstream.Close)
	site = upstream.URL + base
	signIn, err := origin.Parse(site + "/")
	api, apiErr := origin.Parse(site + "/api/2.3/")
	if err := errors.Join(err, apiErr); err != nil {
		t.Fatal(err)
	}
	socket := httptest.NewUnstartedServer(nil)
	address := &url.URL{Scheme: "http", Host: socket.Listener.Addr().String()}
	handler, err := httpapi.New(sealed.NewVault(memory.New(store.Limits{})), httpapi.Config{
		PublicURL: address, Log: slog.New(slog.DiscardHandler),
		StackExchange: stackexchange.Config{BaseURL: signIn, APIURL: api},
	})
	if err != nil {
		t.Fatal(err)
	}
	socket.Config.Handler = impatient(handler.Handler())
	socket.Start()
	t.Cleanup(socket.Close)
	return server{url: address.String(), sandbox: fake}, site
}

// TestInternalSite signs in to a site of Stack Internal by every flow.
func TestInternalSite(t *testing.T) {
	for _, base := range []string{"", "/questions/here"} {
		for _, flow := range []dss.Flow{dss.FlowLoopback, dss.FlowRelay, dss.FlowImplicit, dss.FlowDevice} {
			t.Run(base+" "+string(flow), func(t *testing.T) {
				t.Parallel()
				s, site := serveInternal(t, base)
				client := s.client(t, dss.Config{
					Flow: flow, Prompt: approve, Scopes: []string{"access_team", "write_access", "no_expiry"},
					StackExchange: site + "/", API: site + "/api/2.3/",
				})
				token, err := client.SignIn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				text := token.AccessToken.Reveal()
				info, err := client.Inspect(t.Context(), text)
				if err != nil || !slices.Equal(info.Scopes, token.Scopes) || info.DisplayName != "Sandbox User" {
					t.Errorf("%+v, %v", info, err)
				}
				if err := endToken(t, s, client, flow, text); err != nil {
					t.Error(err)
				}
				if _, err := client.Inspect(t.Context(), text); !errors.Is(err, dss.ErrInvalidToken) {
					t.Errorf("after its end: %v", err)
				}
			})
		}
	}
}

// endToken ends a token at the site or, for some flows, through the server.
func endToken(t *testing.T, s server, client *dss.Client, flow dss.Flow, token string) error {
	t.Helper()
	if flow == dss.FlowRelay || flow == dss.FlowImplicit {
		return client.Invalidate(t.Context(), token)
	}
	response, err := http.PostForm(s.url+"/oauth/revoke", url.Values{"token": {token}})
	if err == nil {
		err = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("revocation: %s", response.Status)
		}
	}
	return err
}
