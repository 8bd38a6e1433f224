package dss_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss"
)

func TestConfig(t *testing.T) {
	good := dss.Config{Server: "https://auth.example.org", ClientID: "12345"}
	change := func(f func(*dss.Config)) dss.Config { c := good; f(&c); return c }
	server := func(text string) dss.Config { return change(func(c *dss.Config) { c.Server = text }) }
	for _, tt := range []struct {
		name   string
		config dss.Config
		want   string // in the error; "" for none
	}{
		{"good", good, ""},
		{"nothing", dss.Config{}, "Server must be a URL"},
		{"a slash", server("https://auth.example.org/"), ""},
		{"a port", server("https://auth.example.org:8443"), ""},
		{"a path", server("https://example.org/dss/"), ""},
		{"this machine", server("http://127.0.0.1:8080"), ""},
		{"this machine in IPv6", server("http://[::1]:8080"), ""},
		{"this machine by name", server("http://localhost:8080"), ""},
		{"a name below localhost", server("http://dss.localhost"), ""},
		{"plain http", server("http://auth.example.org"), "Server must be https"},
		{"almost this machine", server("http://localhost.example.org"), "Server must be https"},
		{"almost its address", server("http://127.0.0.1.example.org"), "Server must be https"},
		{"another scheme", server("ftp://auth.example.org"), "Server must be a URL"},
		{"no scheme", server("auth.example.org"), "Server must be a URL"},
		{"no host", server("https:///x"), "Server must be a URL"},
		{"a port alone", server("https://:443"), "Server must be a URL"},
		{"a user", server("https://me:secret@auth.example.org"), "Server must be a URL"},
		{"a query", server("https://auth.example.org?x=y"), "Server must be a URL"},
		{"an empty query", server("https://auth.example.org?"), "Server must be a URL"},
		{"a fragment", server("https://auth.example.org#x"), "Server must be a URL"},
		{"an empty fragment", server("https://auth.example.org#"), "Server must be a URL"},
		{"not a URL", server("https://auth.example.org:port"), "Server must be a URL"},
		{"no client id", change(func(c *dss.Config) { c.ClientID = "" }), "ClientID must be"},
		{"a client id with letters", change(func(c *dss.Config) { c.ClientID = "my-app" }), "ClientID must be"},
		{"a negative client id", change(func(c *dss.Config) { c.ClientID = "-7" }), "ClientID must be"},
		{"another flow", change(func(c *dss.Config) { c.Flow = "password" }), `Flow must be one of the flows, not "password"`},
		{"languages", change(func(c *dss.Config) { c.Locales = []string{"pt-BR", "ja"} }), ""},
		{"two languages in one", change(func(c *dss.Config) { c.Locales = []string{"pt-BR ja"} }), "Locales must be language tags"},
		{"a language without a name", change(func(c *dss.Config) { c.Locales = []string{"ja", ""} }), "Locales must be language tags"},
		{"plain Stack Exchange", change(func(c *dss.Config) { c.StackExchange = "http://stackoverflow.com" }), "StackExchange must be https"},
		{"the sandbox", change(func(c *dss.Config) { c.StackExchange = "http://localhost:8080/sandbox" }), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client, err := dss.New(tt.config)
			switch {
			case tt.want == "" && (err != nil || client == nil):
				t.Error(err)
			case tt.want != "" && (err == nil || client != nil || !strings.HasPrefix(err.Error(), "dss: "+tt.want)):
				t.Errorf("%v, want %s", err, tt.want)
			case err != nil && strings.Contains(err.Error(), "secret"):
				t.Errorf("the password is in %v", err)
			}
		})
	}
}

// TestAddresses are those that the browser is sent to.
func TestAddresses(t *testing.T) {
	for _, tt := range []struct {
		name     string
		config   dss.Config
		want     string
		redirect string
		scope    string
	}{
		{"relay", dss.Config{Flow: dss.FlowRelay}, "https://stackoverflow.com/oauth", "https://auth.example.org/auth/redirect", ""},
		{"relay of an app", dss.Config{Flow: dss.FlowRelay, AppID: "my-app", Scopes: scopes}, "https://stackoverflow.com/oauth", "https://auth.example.org/auth/redirect/my-app", "read_inbox write_access"},
		{"implicit", dss.Config{Flow: dss.FlowImplicit, StackExchange: "https://stackexchange.com/"}, "https://stackexchange.com/oauth/dialog", "https://auth.example.org/auth/redirect", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.Server, tt.config.ClientID, tt.config.HTTPClient = "https://auth.example.org/", clientID, from(nothing)
			s, err := newClient(t, tt.config).Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			address, query, _ := strings.Cut(s.URL, "?")
			values, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			if address != tt.want || values.Get("redirect_uri") != tt.redirect || values.Get("scope") != tt.scope || values.Get("client_id") != clientID {
				t.Errorf("%s %v", address, values)
			}
			if values.Has("scope") != (tt.scope != "") || (values.Get("code_challenge_method") == "S256") != (tt.config.Flow == dss.FlowRelay) {
				t.Errorf("%v", values)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestOpenBrowser says at once that there is none.
func TestOpenBrowser(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for address, want := range map[string]string{"file:///etc/passwd": "not an address of the web", "https://auth.example.org/?state=secret": ""} {
		err := dss.OpenBrowser(address)
		if err == nil || !strings.HasPrefix(err.Error(), "dss: open the browser: "+want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
