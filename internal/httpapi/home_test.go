package httpapi_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
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

// TestFormOfTheHomePage: what to fill in on Stack Apps belongs to this server, whatever
// the program is for, as the page does not change when its form does.
func TestFormOfTheHomePage(t *testing.T) {
	d := newDSS(t, inMemory())
	form := regexp.MustCompile(`(?s)<table>.*?</table>`)
	_, _, plain := d.do(http.MethodGet, "/", "")
	if !strings.Contains(form.FindString(plain), "<td>OAuth domain</td><td><code>127.0.0.1</code></td>") {
		t.Errorf("%s", form.FindString(plain))
	}
	for _, choice := range []string{"write=on", "inbox=on&no_expiry=on", "way=relay&language=java", "sandbox=on", "client_id=12&write=on"} {
		if _, _, body := d.do(http.MethodGet, "/?"+choice, ""); form.FindString(body) != form.FindString(plain) {
			t.Errorf("with %s:\n%s", choice, form.FindString(body))
		}
	}
}

// TestProgramInASandbox: where every number is a client ID, the programs run as they are.
func TestProgramInASandbox(t *testing.T) {
	for _, sandbox := range []bool{true, false} {
		d := newDSS(t, inMemory(), func(c *httpapi.Config) {
			if sandbox {
				c.Sandbox = http.NotFoundHandler()
			}
		})
		for _, path := range []string{"/", "/start?platform=desktop"} {
			_, _, body := d.do(http.MethodGet, path, "")
			if strings.Contains(body, "CLIENT_ID = &#34;1&#34;") != sandbox {
				t.Errorf("%s, sandbox %t: %s", path, sandbox, body)
			}
		}
	}
}
