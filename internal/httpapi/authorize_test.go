package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestErrorsOfAuthorize: only what is wrong with client_id and redirect_uri is
// told on a page. All else that is read goes back to the app, and what nobody
// reads may be anything.
func TestErrorsOfAuthorize(t *testing.T) {
	const (
		page = ""
		on   = "http://localhost/sandbox/oauth"
		app  = "client_id=7&redirect_uri=http://127.0.0.1:9/cb"
		good = app + "&response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
	)
	for _, test := range []struct{ query, want, state string }{
		{good + "&state=st", on, ""},
		{good + "&x=%zz", on, ""},
		{good + "&x=1&x=2", on, ""},
		{good + "&%zz=1&%zz=2&=&&&", on, ""},
		{good + "&x;client_id=8", on, ""},
		{good + "&Scope=a&SCOPE=b&x=%FF", on, ""},
		{good + "&resource=https://a.example&resource=https://b.example&nonce=1&nonce=2", on, ""},
		{good + "&response_mode=&scope=", on, ""},

		{good + "&state=st&scope=a&scope=a", "invalid_request", "st"},
		{good + "&state=st&scope=%zz", "invalid_request", "st"},
		{good + "&state=st&scope=a;b", "invalid_request", "st"},
		{good + "&state=st&scope=%FF", "invalid_request", "st"},
		{good + "&state=st&scope=%22", "invalid_scope", "st"},
		{good + "&state=st&response_type=code", "invalid_request", "st"},
		{good + "&state=st&%72esponse_type=token", "invalid_request", "st"},
		{good + "&state=st&response_mode=query&response_mode=query", "invalid_request", "st"},
		{good + "&state=st&code_challenge_method=plain", "invalid_request", "st"},
		{good + "&state=st&code_challenge=%", "invalid_request", "st"},
		{app + "&state=st&response_type=%zz", "invalid_request", "st"},
		{app + "&state=st&response_type=", "invalid_request", "st"},
		{app + "&state=%FF%FEabc", "invalid_request", "\xff\xfeabc"},

		{good + "&state=first&state=second", "invalid_request", "first"},
		{good + "&state=same&state=same", "invalid_request", "same"},
		{good + "&state=%zz+a", "invalid_request", "%zz+a"},
		{good + "&state=a;b", "invalid_request", "a;b"},
		{good + "&st%61te=%zz", "invalid_request", "%zz"},

		{good + "&client_id=7", page, ""},
		{good + "&client_id=%zz", page, ""},
		{good + "&client%5Fid=8", page, ""},
		{good + "&redirect_uri=http://127.0.0.1:9/cb", page, ""},
		{good + "&redirect_uri=", page, ""},
		{"client_id=7&redirect_uri=%zz", page, ""},
		{"client_id=7&redirect_uri=http://127.0.0.1:9/;state=x", page, ""},
		{"client_id=7&redirect_uri=", page, ""},
		{"client_id=7&redirect_uri=evil.example:443/cb", page, ""},
		{"client_id=7&redirect_uri=http://127.0.0.1:9/cb?%2563ode=x", page, ""},
		{"client_id=7&redirect_uri=http://127.0.0.1@evil.example/", page, ""},
		{"client_id=7&redirect_uri=http://localhost.:1/", page, ""},
		{"client_id=&redirect_uri=http://127.0.0.1:9/cb", page, ""},
		{"redirect_uri=http://127.0.0.1:9/cb", page, ""},
		{"client_id=7", page, ""},
		{"", page, ""},
	} {
		v := visitors(t, "http://localhost")()
		response := v.send("GET", "/oauth/authorize?"+test.query, "")
		location := response.Header.Get("Location")
		switch u, err := url.Parse(location); {
		case err != nil:
			t.Errorf("%s: %v", test.query, err)
		case test.want == page:
			if response.StatusCode != http.StatusBadRequest || location != "" || len(v.cookies) > 0 ||
				!strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
				t.Errorf("%s: %s to %q, cookies %v; want a page", test.query, response.Status, location, v.cookies)
			}
		case test.want == on:
			if response.StatusCode != http.StatusSeeOther || u.Host != "stackoverflow.com" {
				t.Errorf("%s: %s to %q, want to go on", test.query, response.Status, location)
			}
		default:
			q := u.Query()
			if u.Host != "127.0.0.1:9" || q.Get("error") != test.want || q.Get("state") != test.state ||
				q.Get("iss") != "http://localhost" || len(v.cookies) > 0 {
				t.Errorf("%s: to %q, want the app told %s, state %q", test.query, location, test.want, test.state)
			}
		}
	}
}

// TestAnswersOfStackExchange: whatever comes back for a sign-in that is under
// way in this browser, its app is told; a code that comes later is good.
func TestAnswersOfStackExchange(t *testing.T) {
	const code = "" // not an error
	for _, test := range []struct{ answer, want string }{
		{"code=c", code},
		{"code=c&error=", code},
		{"code=c&error=&error_description=&x=%zz&x=%zz&scope=a&scope=b&%zz", code},
		{"error=access_denied", "access_denied"},
		{"code=&error=access_denied", "access_denied"},
		{"code=c&error=access_denied", "access_denied"},
		{"error=access_denied&error_description=a&error_description=b", "access_denied"},
		{"error=access_denied&error_description=%zz", "access_denied"},
		{"error=odd", "server_error"},
		{"error=%FF", "server_error"},
		{"error=access_denied&error=access_denied", "server_error"},
		{"code=a&code=b", "server_error"},
		{"code=a&code=a", "server_error"},
		{"code=%zz", "server_error"},
		{"code=a;b", "server_error"},
		{"code=a%0Ab", "server_error"},
		{"code=" + strings.Repeat("a", 4097), "server_error"},
		{"code=", "server_error"},
		{"code=&error=", "server_error"},
		{"error=", "server_error"},
		{"x=1", "server_error"},
	} {
		v := visitors(t, "http://localhost")()
		state := v.authorize("st")
		for range 2 {
			location := v.callback(state, test.answer)
			if !strings.HasPrefix(location, "http://127.0.0.1:1/cb?") {
				t.Fatalf("%s: to %s", test.answer, location)
			}
			u, _ := url.Parse(location)
			if q := u.Query(); q.Get("error") != test.want || q.Has("code") != (test.want == code) || q.Get("state") != "st" ||
				q.Get("iss") != "http://localhost" {
				t.Errorf("%s: to %s, want %q", test.answer, location, test.want)
			}
		}
		if location := v.callback(state, "code=c"); !strings.HasPrefix(location, "http://127.0.0.1:1/cb?code=") {
			t.Errorf("%s, then a code: to %s", test.answer, location)
		}
	}
}

// TestStatesOfNoSignIn: without one state that is known, nobody is told but the
// user, under an address that holds nothing of the answer.
func TestStatesOfNoSignIn(t *testing.T) {
	v := visitors(t, "http://localhost")()
	state := v.authorize("st")
	for _, query := range []string{
		"", "code=c", "state=", "code=c&state=", "code=c&state=%zz", "code=c&state=%FF", "code=c&state=dss.",
		"code=c&state=" + state + "&state=" + state, "code=c&state=" + state + "&state=", "code=c&state=" + state + ";",
		"code=c&State=" + state, "code=c&state=+" + state, "code=c&state=" + strings.Repeat("a", 5000),
	} {
		if got := v.location("GET", "/oauth/callback?"+query, ""); got != "/problem/unknown_sign_in#" {
			t.Errorf("%s leads to %s", query, got)
		}
	}
	if got := v.callback(state, "code=c"); !strings.HasPrefix(got, "http://127.0.0.1:1/cb?code=") {
		t.Errorf("then leads to %s", got)
	}
}

// TestOnlyNavigationsCount: a HEAD, a prefetch and a prerender neither start
// nor finish a sign-in.
func TestOnlyNavigationsCount(t *testing.T) {
	browser := visitors(t, "http://localhost")
	v := browser()
	state := v.authorize("st")
	userCode := v.device()
	had := len(v.cookies)
	authorize := "/oauth/authorize?client_id=7&redirect_uri=http://127.0.0.1:1/cb&response_type=code&code_challenge_method=S256" +
		"&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	for _, path := range []string{"/oauth/callback?error=access_denied&state=" + state, authorize, "/device?user_code=" + userCode} {
		for _, header := range [][]string{
			{"HEAD"}, {"GET", "Sec-Purpose", "prefetch"}, {"GET", "Sec-Purpose", "prefetch;prerender"}, {"GET", "Purpose", "prefetch"},
			{"GET", "X-Moz", "prefetch"}, {"OPTIONS"},
		} {
			response := v.send(header[0], path, "", header[1:]...)
			if location := response.Header.Get("Location"); location != "" || len(v.cookies) != had {
				t.Errorf("%v %s: to %s, cookies %v", header, path, location, v.cookies)
			}
		}
	}
	if got := v.callback(state, "code=c"); !strings.HasPrefix(got, "http://127.0.0.1:1/cb?code=") {
		t.Errorf("then leads to %s", got)
	}
}
