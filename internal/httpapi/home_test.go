package httpapi_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// TestTryLoopback: a page plays an app that listens, of a server with a sandbox alone,
// and at its one address.
func TestTryLoopback(t *testing.T) {
	with := func(public string, sandbox bool) dss {
		return newDSS(t, inMemory(), func(c *httpapi.Config) {
			c.PublicURL, _ = url.Parse(public)
			if sandbox {
				c.Sandbox = http.NotFoundHandler()
				base := c.PublicURL.JoinPath("sandbox")
				c.StackExchange = stackexchange.Config{BaseURL: base, APIURL: base.JoinPath("2.3"), Local: true}
			}
		})
	}
	const remote, local = "https://auth.example.org", "http://localhost"
	for _, tt := range []struct {
		d      dss
		host   string
		target string
		want   int
	}{
		{with(remote, true), "auth.example.org", remote + "/try", http.StatusSeeOther},
		{with(remote, true), "auth.example.org", remote + "/try2", http.StatusBadRequest},
		{with(remote, true), "auth.example.org", "https://evil.example/try", http.StatusBadRequest},
		{with(remote, false), "auth.example.org", remote + "/try", http.StatusBadRequest},
		{with(local, true), "localhost", local + "/try", http.StatusSeeOther},
	} {
		query := url.Values{
			"response_type": {"code"}, "client_id": {"1"}, "redirect_uri": {tt.target}, "state": {"s"},
			"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
		}
		status, header, _ := tt.d.do(http.MethodGet, "/oauth/authorize?"+query.Encode(), "", "Host", tt.host)
		if status != tt.want {
			t.Errorf("%s: %d %v", tt.target, status, header)
		}
	}
}
