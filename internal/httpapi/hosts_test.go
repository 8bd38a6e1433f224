package httpapi_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// TestCanonicalHosts: however the public URL and a request's Host are written,
// they are one server. It leads nobody to itself and takes deposits of its own
// pages.
func TestCanonicalHosts(t *testing.T) {
	const authorize = "/oauth/authorize?response_type=code&client_id=7&redirect_uri=http://127.0.0.1:1/&code_challenge_method=S256" +
		"&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	for _, test := range []struct {
		public, issuer string
		hosts, origins []string
	}{
		{"https://auth.example.org", "https://auth.example.org",
			[]string{"auth.example.org", "auth.example.org:443", "AUTH.Example.org", "auth.example.org.", "auth.example.org.:443"},
			[]string{"https://auth.example.org", "https://auth.example.org:443", "https://auth.example.org."}},
		{"https://auth.example.org:443", "https://auth.example.org",
			[]string{"auth.example.org", "auth.example.org:443"}, []string{"https://auth.example.org"}},
		{"https://AUTH.example.org./", "https://auth.example.org",
			[]string{"auth.example.org", "auth.example.org."}, []string{"https://auth.example.org"}},
		{"https://auth.example.org:8443", "https://auth.example.org:8443",
			[]string{"auth.example.org:8443", "AUTH.EXAMPLE.ORG.:8443"}, []string{"https://auth.example.org:8443"}},
		{"http://localhost:80", "http://localhost",
			[]string{"localhost", "localhost:80", "LOCALHOST."}, []string{"http://localhost", "http://localhost:80"}},
		{"http://[0:0::1]:80", "http://[::1]",
			[]string{"[::1]", "[::1]:80", "[0::1]"}, []string{"http://[::1]"}},
	} {
		public, err := url.Parse(test.public)
		if err != nil {
			t.Fatal(err)
		}
		d := newDSS(t, inMemory(), func(c *httpapi.Config) { c.PublicURL = public })
		for _, host := range test.hosts {
			_, _, metadata := d.do("GET", "/.well-known/oauth-authorization-server", "", "Host", host)
			if !strings.Contains(metadata, `"issuer":"`+test.issuer+`"`) {
				t.Errorf("%s at %s: %.200s", test.public, host, metadata)
			}
			if status, header, _ := d.do("GET", "/device", "", "Host", host); status != http.StatusOK {
				t.Errorf("%s at %s: /device answers %d to %q", test.public, host, status, header.Get("Location"))
			}
			status, header, _ := d.do("GET", authorize, "", "Host", host)
			if status != http.StatusSeeOther || strings.HasPrefix(header.Get("Location"), test.issuer+"/oauth/authorize") {
				t.Errorf("%s at %s: authorize answers %d to %q", test.public, host, status, header.Get("Location"))
			}
			for _, origin := range test.origins {
				body := "state=" + rand.Text() + "&access_token=T"
				if status, _, answer := d.do("POST", "/auth/redirect", body, "Host", host, "Origin", origin); status != http.StatusNoContent {
					t.Errorf("%s at %s from %s: deposit answers %d %s", test.public, host, origin, status, answer)
				}
			}
		}
		for _, host := range []string{"evil.example", "auth.example.org:80", "auth.example.org..", "auth.example.org:443:443", "localhost:81"} {
			if status, _, _ := d.do("GET", "/device", "", "Host", host); status != http.StatusMisdirectedRequest {
				t.Errorf("%s at %s answers %d", test.public, host, status)
			}
		}
	}
}

// TestForeignOrigins: another origin deposits nothing, however it is written.
func TestForeignOrigins(t *testing.T) {
	d := newDSS(t, inMemory(), func(c *httpapi.Config) { c.PublicURL = &url.URL{Scheme: "https", Host: "auth.example.org"} })
	for _, header := range [][]string{
		{},
		{"Origin", "null"},
		{"Origin", "http://auth.example.org"},
		{"Origin", "https://auth.example.org:8443"},
		{"Origin", "https://auth.example.org.evil.example"},
		{"Origin", "https://auth.example.org@evil.example"},
		{"Origin", "https://auth.example.org/"},
		{"Origin", "https://17.auth.example.org"},
		{"Origin", "https://auth.example.org", "Sec-Fetch-Site", "cross-site"},
		{"Origin", "https://auth.example.org", "Sec-Fetch-Site", "same-site"},
		{"Origin", "https://evil.example", "Sec-Fetch-Site", "same-origin"},
		{"Sec-Fetch-Site", "none"},
	} {
		body := "state=" + rand.Text() + "&access_token=T"
		status, _, answer := d.do("POST", "/auth/redirect", body, append([]string{"Host", "auth.example.org"}, header...)...)
		if status != http.StatusForbidden || !strings.Contains(answer, "cross_origin") {
			t.Errorf("%v: %d %s", header, status, answer)
		}
	}
}

// TestPublicURLIsChecked: a server does not start under a name that no
// browser's Host header equals.
func TestPublicURLIsChecked(t *testing.T) {
	for _, host := range []string{"bücher.example", "", "127.1", "a..b"} {
		store := inMemory()
		_, err := httpapi.New(sealed.NewVault(store), httpapi.Config{PublicURL: &url.URL{Scheme: "https", Host: host}})
		if err == nil || strings.Contains(err.Error(), "bücher") {
			t.Errorf("%q: %v", host, err)
		}
	}
}
