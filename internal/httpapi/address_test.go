package httpapi_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/limit"
)

// refreshing is how a page leads a browser without scripts to a clean address.
var refreshing = regexp.MustCompile(`<noscript><meta http-equiv="refresh" content="0; url=(/problem/[a-z_]+)#"></noscript>`)

// TestNoRefusalKeepsTheAddress (SECURITY, case 20): whatever a browser brings
// in the address, what it is refused with leads away from there, with scripts
// and without.
func TestNoRefusalKeepsTheAddress(t *testing.T) {
	const key = "kM3-9c2a7be1d04865"
	busy := func(c *httpapi.Config) { c.Limits = &limit.Config{Requests: hour(1)} }
	for _, c := range []struct {
		method, path string
		status       int
		header       []string
		configure    []func(*httpapi.Config)
	}{
		{"GET", "/auth/redirect?access_token=CANARY", 400, nil, nil},
		{"GET", "/auth/redirect?access_token=CANARY&state=short", 400, nil, nil},
		{"GET", "/auth/redirect?access_token=CANARY&state=" + key + "&state=" + key, 400, nil, nil},
		{"GET", "/auth/redirect?access_token=CANARY&access_token=T&state=" + key, 400, nil, nil},
		{"GET", "/auth/redirect?code=CANARY&error=x&state=" + key, 400, nil, nil},
		{"GET", "/auth/redirect?code=CANARY&access_token=T&state=" + key, 400, nil, nil},
		{"GET", "/auth/redirect?access_token=CANARY&state=" + key + "&expires=soon", 400, nil, nil},
		{"GET", "/auth/redirect?access_token=CANARY%zz&state=" + key, 400, nil, nil},
		{"GET", "/auth/redirect?access_token=CANARY;state=" + key, 400, nil, nil},
		{"GET", "/auth/redirect?access_token=CANARY+T&state=" + key, 400, nil, nil},
		{"GET", "/auth/redirect?access_token=CANARY&appid=a.b&state=" + key, 400, nil, nil},
		{"GET", "/auth/redirect/17?access_token=CANARY&appid=18&state=" + key, 400, nil, nil},
		{"GET", "/auth/redirect/access_token=CANARY", 400, nil, nil},
		{"GET", "/auth/redirect/?access_token=CANARY", 303, nil, nil},
		{"GET", "/auth/redirect/17/?access_token=CANARY", 303, nil, nil},
		{"GET", "/auth/redirect/17/access_token=CANARY", 303, nil, nil},
		{"GET", "/auth/redirect%2F17?access_token=CANARY", 303, nil, nil},
		{"GET", "/auth/redirect//17?access_token=CANARY", 303, nil, nil},
		{"GET", "/auth/redirect/./17?access_token=CANARY", 303, nil, nil},
		{"POST", "/auth/redirect/17/more?access_token=CANARY", 303, nil, nil},
		{"POST", "/auth/redirect?access_token=CANARY", 403, html, nil},
		{"POST", "/auth/redirect?access_token=CANARY", 400, append(html, sameOrigin...), nil},
		{"PUT", "/auth/redirect?access_token=CANARY", 405, html, nil},
		{"PUT", "/auth/redirect/17?access_token=CANARY", 405, html, nil},
		{"GET", "/auth/redirect?access_token=CANARY", 400, append(html, "Service-Worker", "script"), nil},
		{"GET", "/auth/redirect?access_token=CANARY", 421, append(html, "Host", "evil.example"), nil},
		{"GET", "/auth/redirect/17?access_token=CANARY", 421, append(html, "Host", "evil.example"), nil},
		{"GET", "/auth/redirect?access_token=CANARY&state=" + key, 429, html, []func(*httpapi.Config){busy}},
		{"GET", "/auth/redirect", 429, html, []func(*httpapi.Config){busy}},
		{"GET", "/auth/redirect?access_token=CANARY", 421, []string{"Host", "evil.example"}, nil},
		{"GET", "/auth/redirect/17?access_token=CANARY", 421, []string{"Host", "evil.example"}, nil},
		{"GET", "/auth/redirect?access_token=CANARY", 400, []string{"Service-Worker", "script"}, nil},
		{"GET", "/auth/redirect?code=CANARY&state=" + key, 429, nil, []func(*httpapi.Config){busy}},
		{"GET", "/auth/redirect/17?code=CANARY&state=" + key, 429, []string{"Accept", "*/*"}, []func(*httpapi.Config){busy}},
		{"GET", "/auth//redirect?access_token=CANARY", 404, html, nil},
		{"GET", "/auth//redirect/17?access_token=CANARY", 404, nil, nil},
		{"GET", "/./auth//redirect?access_token=CANARY", 404, html, nil},
		{"GET", "/oauth/callback/?code=CANARY", 404, html, nil},
		{"GET", "/oauth//callback?code=CANARY", 404, nil, nil},
		{"GET", "/oauth/authorize/?client_id=7&state=CANARY", 404, html, nil},
		{"GET", "/./device?user_code=CANARY", 404, html, nil},
		{"GET", "/oauth/callback?code=CANARY&error=x&state=" + key, 303, nil, nil},
		{"GET", "/oauth/callback?code=CANARY&state=dss." + key, 303, nil, nil},
		{"GET", "/oauth/callback?code=CANARY%zz&state=" + key, 303, nil, nil},
		{"GET", "/oauth/callback?code=CANARY&state=" + key, 303, append(html, "Host", "evil.example"), nil},
		{"GET", "/oauth/callback?code=CANARY&state=" + key, 303, html, []func(*httpapi.Config){busy}},
		{"GET", "/oauth/authorize?client_id=CANARY&state=CANARY", 400, nil, nil},
		{"GET", "/oauth/authorize?client_id=7&state=CANARY", 421, append(html, "Host", "evil.example"), nil},
		{"GET", "/oauth/authorize?client_id=7&state=CANARY", 429, html, []func(*httpapi.Config){busy}},
		{"GET", "/device?user_code=CANARY%zz", 400, nil, nil},
		{"GET", "/device?user_code=CANARY", 429, html, []func(*httpapi.Config){busy}},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			d := newDSS(t, inMemory(), c.configure...)
			if len(c.configure) > 0 {
				d.visit("GET", "/") // the one request there may be
			}
			status, h, body := d.visit(c.method, c.path, c.header...)
			if status != c.status {
				t.Fatalf("status %d, want %d", status, c.status)
			}
			if strings.Contains(h.Get("Location")+body, "CANARY") {
				t.Errorf("the answer repeats what was in the address: %v %s", h, body)
			}
			target, ok := strings.CutSuffix(h.Get("Location"), "#")
			if status != http.StatusSeeOther {
				target, ok = leads(h, body)
				if !strings.Contains(body, `<html lang="en" dir="ltr" data-address="`+target+`">`) || !strings.Contains(body, "/assets/address.") {
					t.Errorf("no script cleans the address: %s", body)
				}
			}
			if !ok || !strings.HasPrefix(target, "/problem/") {
				t.Fatalf("without scripts the browser stays: %v %s", h, body)
			}
			if status, _, page := d.visit("GET", target, html...); status < 400 || strings.Contains(page, "http-equiv") {
				t.Errorf("%s: %d %s", target, status, page)
			}
			if got := d.claim(key); len(c.configure) == 0 && !strings.HasPrefix(got, "404") {
				t.Errorf("something is stored: %s", got)
			}
		})
	}
}

// leads finds where a browser without scripts goes from a page by itself.
func leads(h http.Header, body string) (target string, ok bool) {
	if refresh, found := strings.CutPrefix(h.Get("Refresh"), "0; url="); found {
		return strings.CutSuffix(refresh, "#")
	}
	match := refreshing.FindStringSubmatch(body)
	if match == nil {
		return "", false
	}
	return match[1], true
}

// visit is do for paths as they stand, without following redirects.
func (d dss) visit(method, path string, header ...string) (int, http.Header, string) {
	d.Helper()
	r, err := http.NewRequestWithContext(d.Context(), method, d.url, nil)
	if err != nil {
		d.Fatal(err)
	}
	r.URL.Opaque = path
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		d.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		d.Fatal(err)
	}
	return response.StatusCode, response.Header, string(body)
}

// TestProblemPagesNameTheRequest: a person can say which line of the log is
// about what went wrong.
func TestProblemPagesNameTheRequest(t *testing.T) {
	d := newDSS(t, inMemory())
	for _, path := range []string{"/nowhere", "/auth/redirect?code=C", "/problem/wrong_browser", "/oauth/authorize", "/device?user_code=%zz"} {
		_, h, body := d.visit("GET", path, html...)
		id := h.Get("X-Request-Id")
		if !strings.Contains(body, "Reference "+id+"\n<time datetime=\"") || !strings.Contains(d.log.String(), "request_id="+id) {
			t.Errorf("%s: %s is not on the page or in the log", path, id)
		}
	}
}
