package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/limit"
)

// dialectOf tells which form of a refusal body is.
func dialectOf(t *testing.T, header http.Header, body string) string {
	t.Helper()
	if strings.HasPrefix(header.Get("Content-Type"), "text/html") {
		return "page"
	}
	var fields map[string]string
	if err := json.Unmarshal([]byte(body), &fields); err != nil || header.Get("Content-Type") != "application/json" {
		t.Errorf("neither a page nor JSON: %s %s", header.Get("Content-Type"), body)
	}
	switch {
	case fields["error"] != "" && fields["error_description"] != "":
		return "oauth"
	case fields["error_name"] != "" && fields["error_message"] != "":
		return "relay"
	}
	return body
}

// TestDialects: the form of a refusal belongs to the path, whoever refuses.
func TestDialects(t *testing.T) {
	strict := newDSS(t, inMemory())
	none := limit.Config{Requests: limit.Limit{Client: limit.Rate{N: 1, Per: 3600e9}}}
	full := newDSS(t, inMemory(), func(c *httpapi.Config) { c.Limits = &none })
	full.do("GET", "/", "")
	big := "filler=" + strings.Repeat("x", 9<<10)
	for _, test := range []struct {
		dss                dss
		method, path, body string
		header             []string
		status             int
		dialect            string
	}{
		// The host check refuses.
		{strict, "POST", "/oauth/token", "a=b", []string{"Host", "evil.example"}, 421, "oauth"},
		{strict, "GET", "/.well-known/openid-configuration", "", []string{"Host", "evil.example"}, 421, "oauth"},
		{strict, "GET", "/oauth/authorize?state=x", "", []string{"Host", "evil.example"}, 421, "page"},
		{strict, "GET", "/oauth/callback?state=x", "", []string{"Host", "evil.example"}, 303, "page"},
		{strict, "GET", "/device", "", []string{"Host", "evil.example"}, 421, "page"},
		{strict, "POST", "/start/try", "client_id=7", []string{"Host", "evil.example"}, 421, "page"},
		{strict, "GET", "/auth/token", "", []string{"Host", "evil.example"}, 421, "relay"},
		// A limit refuses.
		{full, "POST", "/oauth/token", "a=b", nil, 429, "oauth"},
		{full, "GET", "/.well-known/oauth-authorization-server", "", nil, 429, "oauth"},
		{full, "GET", "/oauth/nothing", "", nil, 429, "oauth"},
		{full, "GET", "/oauth/authorize?state=x", "", nil, 429, "page"},
		{full, "GET", "/oauth/callback?state=x", "", nil, 303, "page"},
		{full, "GET", "/device", "", nil, 429, "page"},
		{full, "POST", "/start/try", "client_id=7", nil, 429, "page"},
		{full, "GET", "/auth/token?key=x", "", nil, 429, "relay"},
		{full, "GET", "/auth/nothing", "", html, 429, "relay"},
		// Malformed requests and wrong methods.
		{strict, "GET", "/oauth/jwks", "", []string{"Service-Worker", "script"}, 400, "oauth"},
		{strict, "PUT", "/oauth/token", "", nil, 405, "oauth"},
		{strict, "GET", "/oauth/revoke", "", html, 405, "oauth"},
		{strict, "PUT", "/oauth/authorize", "", nil, 405, "page"},
		{strict, "PUT", "/device", "", nil, 405, "page"},
		{strict, "PUT", "/start/try", "", nil, 405, "page"},
		{strict, "PUT", "/oauth/callback?state=x", "", nil, 405, "page"},
		{strict, "PUT", "/auth/token", "", html, 405, "relay"},
		{strict, "POST", "/oauth/token", big, nil, 400, "oauth"},
		{strict, "POST", "/auth/token", big, nil, 413, "relay"},
		// Paths of habit.
		{strict, "POST", "/oauth/access_token", "a=b", []string{"Accept", "application/json"}, 404, "oauth"},
		{strict, "POST", "//oauth/token", "a=b", nil, 404, "oauth"},
		{strict, "POST", "/oauth/token/", "a=b", nil, 404, "oauth"},
		{strict, "POST", "/oauth//token", "a=b", nil, 404, "oauth"},
		{strict, "POST", "/oauth/./token", "a=b", nil, 404, "oauth"},
		{strict, "GET", "/oauth", "", nil, 404, "oauth"},
		{strict, "GET", "/.well-known/security.txt", "", nil, 404, "oauth"},
		{strict, "GET", "/oauth/authorize/", "", nil, 404, "page"},
		{strict, "GET", "/auth/tokens", "", html, 404, "relay"},
		{strict, "GET", "//auth/token", "", html, 404, "relay"},
		{strict, "GET", "/nowhere", "", nil, 404, "page"},
		{strict, "GET", "/oauthx", "", html, 404, "page"},
	} {
		status, header, body := test.dss.do(test.method, test.path, test.body, test.header...)
		got, location := "page", header.Get("Location")
		if status != http.StatusSeeOther {
			got = dialectOf(t, header, body)
		}
		if status != test.status || got != test.dialect {
			t.Errorf("%s %s: %d in %s, want %d in %s", test.method, test.path, status, got, test.status, test.dialect)
		}
		if (status == http.StatusSeeOther) != strings.HasPrefix(location, "/problem/") || status != http.StatusSeeOther && location != "" {
			t.Errorf("%s %s: %d leads to %q", test.method, test.path, status, location)
		}
	}
}

// TestPathsOfHabit names the endpoint that a client means.
func TestPathsOfHabit(t *testing.T) {
	d := newDSS(t, inMemory())
	for path, want := range map[string]string{
		"/oauth/access_token":  api.PathOAuthToken,
		"/oauth/token/":        api.PathOAuthToken,
		"//oauth/token":        api.PathOAuthToken,
		"/oauth/Token":         api.PathOAuthToken,
		"/oauth/v2/token":      api.PathOAuthToken,
		"/oauth/device/code":   api.PathDeviceAuthorization,
		"/oauth/devicecode":    api.PathDeviceAuthorization,
		"/oauth/revocation":    api.PathRevoke,
		"/oauth/auth":          api.PathAuthorize,
		"/oauth/userinfo":      api.PathMetadata,
		"/OAuth/token":         api.PathOAuthToken,
		"/oauth2/token":        api.PathOAuthToken,
		"/oauth2/userinfo":     api.PathMetadata,
		"/token":               api.PathOAuthToken,
		"/authorize":           api.PathAuthorize,
		"/.well-known/nothing": api.PathMetadata,
	} {
		status, _, body := d.do("POST", path, "a=b", "Accept", "application/json")
		if status != http.StatusNotFound || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want %s", path, status, body, want)
		}
	}
}

// TestChunkedBodies: a body without a Content-Length is as good as another, up
// to the same size, and ends an HTTP/1.1 connection.
func TestChunkedBodies(t *testing.T) {
	d := newDSS(t, inMemory())
	for _, test := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/oauth/device_authorization", "client_id=7", 200, "user_code"},
		{"POST", "/oauth/token", "grant_type=magic", 400, "unsupported_grant_type"},
		{"POST", "/oauth/token", "filler=" + strings.Repeat("x", 9<<10), 400, "invalid_request"},
		{"POST", "/auth/token", "key=0123456789abcdefghij", 404, "no_token"},
		{"POST", "/auth/token", "key=" + strings.Repeat("x", 9<<10), 413, "too_large"},
		{"GET", "/auth/token?key=0123456789abcdefghij", "key=x", 400, "invalid_request"},
		{"PUT", "/oauth/token", "a=b", 400, "invalid_request"},
	} {
		request, err := http.NewRequest(test.method, d.url+test.path, io.MultiReader(strings.NewReader(test.body)))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != test.status || !strings.Contains(string(body), test.want) || !response.Close {
			t.Errorf("%s %s: %s (closes: %v) %s %v", test.method, test.path, response.Status, response.Close, body, err)
		}
	}
}

// TestPlainHTTPServesTheRelay: where cookies of sign-ins are not safe, nothing
// of the OAuth server is announced or served.
func TestPlainHTTPServesTheRelay(t *testing.T) {
	for _, test := range []struct {
		public string
		oauth  bool
	}{
		{"https://auth.example.org", true}, {"http://localhost:8080", true}, {"http://127.0.0.1:8080", true},
		{"http://[::1]", true}, {"http://dss.localhost:8080", true},
		{"http://auth.example.org", false}, {"http://10.1.2.3:8080", false}, {"http://dss:8080", false},
	} {
		public, err := url.Parse(test.public)
		if err != nil {
			t.Fatal(err)
		}
		d := newDSS(t, inMemory(), func(c *httpapi.Config) { c.PublicURL = public })
		for _, v := range []struct{ method, path, body string }{
			{"GET", "/.well-known/oauth-authorization-server", ""}, {"GET", "/.well-known/openid-configuration", ""},
			{"POST", "/oauth/device_authorization", "client_id=7"}, {"GET", "/device", ""},
		} {
			status, header, body := d.do(v.method, v.path, v.body, "Host", public.Host)
			if (status == http.StatusOK) != test.oauth || header.Get("Location") != "" {
				t.Errorf("%s: %s %s: %d %.100s", test.public, v.method, v.path, status, body)
			}
		}
		for _, path := range []string{"/", "/nowhere"} {
			_, _, body := d.do("GET", path, "", "Host", public.Host)
			body = strings.ReplaceAll(body, "<wbr>", "")
			named := strings.Contains(body, test.public+"/oauth/") || strings.Contains(body, `href="/device"`)
			if named != test.oauth {
				t.Errorf("%s: %s names the OAuth server: %t", test.public, path, named)
			}
		}
		if status, _, body := d.do("GET", "/auth/token?key=0123456789abcdefghij", "", "Host", public.Host); status != 404 {
			t.Errorf("%s: the relay answers %d %s", test.public, status, body)
		}
	}
}
