package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sandbox"
)

// quirk is something that Stack Exchange has been seen to do.
type quirk struct {
	name  string
	shown func(*testing.T, *sandbox.Sandbox)
}

// TestQuirks has a row for each. Outages are in package outage.
func TestQuirks(t *testing.T) {
	for _, list := range [][]quirk{authorizationQuirks, tokenQuirks, apiQuirks} {
		for _, one := range list {
			t.Run(one.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { one.shown(t, sandbox.New(sandbox.Config{Host: "example.com"})) })
			})
		}
	}
}

// approved returns where an approval leads: of the implicit grant, or with a
// challenge of the code grant.
func approved(t *testing.T, s *sandbox.Sandbox, more ...string) string {
	t.Helper()
	more = append([]string{"sandbox_decision", "approve"}, more...)
	path := "/sandbox/oauth/dialog?"
	if slices.Contains(more, "code_challenge") {
		path = "/sandbox/oauth?"
	}
	return location(t, ask(s, "GET", path+query(more...), ""))
}

var pkce = []string{"code_challenge", challenge, "code_challenge_method", "S256"}

// check reports what does not match a pattern.
func check(t *testing.T, got, pattern string) {
	t.Helper()
	if !regexp.MustCompile(pattern).MatchString(got) {
		t.Errorf("%s does not match %s", got, pattern)
	}
}

var authorizationQuirks = []quirk{
	{"both grants have their paths", func(t *testing.T, s *sandbox.Sandbox) {
		check(t, approved(t, s), `#access_token=`)
		check(t, approved(t, s, pkce...), `\?code=`)
	}},
	{"scopes are separated by commas or spaces", func(t *testing.T, s *sandbox.Sandbox) {
		for _, scope := range []string{"read_inbox,write_access", "read_inbox write_access", "read_inbox, write_access"} {
			check(t, approved(t, s, "scope", scope), `&scope=read_inbox%20write_access&`)
		}
	}},
	{"extra parameters are ignored", func(t *testing.T, s *sandbox.Sandbox) {
		check(t, approved(t, s, "response_type", "token", "key", "k", "grant_type", "x"), `^[^?]*redirect#access_token=[^#]*&state=st$`)
	}},
	{"the fragment has any order, and the scope", func(t *testing.T, s *sandbox.Sandbox) {
		orders := map[string]bool{}
		for range 2000 {
			_, fragment, _ := strings.Cut(approved(t, s, "sandbox_order", "shuffled"), "#")
			orders[regexp.MustCompile(`=[^&]*`).ReplaceAllString(fragment, "")] = true
		}
		if len(orders) != 24 || !orders["scope&state&access_token&expires"] {
			t.Errorf("%d orders: %v", len(orders), orders)
		}
		check(t, approved(t, s, "sandbox_order", "state_first"), `#state=st&access_token=`)
	}},
	{"the fragment has no scope before 2023", func(t *testing.T, s *sandbox.Sandbox) {
		check(t, approved(t, s, "sandbox_scope", "0"), `&expires=86400&state=st$`)
	}},
	{"a token lives 86399 seconds", func(t *testing.T, s *sandbox.Sandbox) {
		check(t, approved(t, s, "sandbox_expires", "86399"), `&expires=86399&`)
		token := implicitToken(t, s, "sandbox_expires", "86399")
		time.Sleep(86399 * time.Second)
		if _, answer := callAPI(t, s, "/me", bearer(token)); answer.ErrorID != 402 {
			t.Errorf("then: %+v", answer)
		}
	}},
	{"the state is encoded in lower case, with +", func(t *testing.T, s *sandbox.Sandbox) {
		check(t, approved(t, s, "state", "a b/ü"), `&state=a\+b%2f%c3%bc$`)
	}},
	{"codes and tokens end in )) or %29%29", func(t *testing.T, s *sandbox.Sandbox) {
		check(t, approved(t, s), `=[A-Za-z0-9()*]{22}\)\)&`)
		check(t, approved(t, s, "sandbox_parentheses", "escaped", "state", "))"), `=[A-Za-z0-9()*]{22}%29%29&.*&state=\)\)$`)
		check(t, approved(t, s, append(pkce, "sandbox_parentheses", "escaped")...), `\?code=[A-Za-z0-9()*]{22}%29%29&`)
		check(t, sandbox.EncodeToken("a))b)))"), `^access_token=a\)\)b\)%29%29$`)
	}},
	{"a script delivers the response", func(t *testing.T, s *sandbox.Sandbox) {
		w := ask(s, "GET", "/sandbox/oauth/dialog?"+query("sandbox_decision", "approve", "sandbox_delivery", "script"), "")
		check(t, w.Body.String(), `(?s)/sandbox/interstitial\.js.*data-target href="https://login\.example\.com/auth/redirect#access_token=`)
	}},
	{"the query of the redirect URI is lost", func(t *testing.T, s *sandbox.Sandbox) {
		check(t, approved(t, s, "redirect_uri", redirectURI+"?a=b", "sandbox_strip_query", "1"), `/redirect#access_token=`)
		check(t, approved(t, s, "redirect_uri", redirectURI+"?a=b"), `/redirect\?a=b#access_token=`)
	}},
	{"subdomains are in the domain", func(t *testing.T, s *sandbox.Sandbox) {
		check(t, approved(t, s, "redirect_uri", "http://7.dss.example.com:8443/any"), `^http://7\.dss\.example\.com:8443/any#`)
		checkFailure(t, ask(s, "GET", "/sandbox/oauth/dialog?"+query("redirect_uri", "https://anexample.com/"), ""), "redirect_uri")
	}},
	{"a denial has the state", func(t *testing.T, s *sandbox.Sandbox) {
		check(t, approved(t, s, "sandbox_decision", "deny"), `#error=access_denied&error_description=[^&]+&state=st$`)
		check(t, approved(t, s, append(pkce, "sandbox_decision", "deny")...), `\?error=access_denied&error_description=[^&]+&state=st$`)
	}},
	{"a bad redirect URI keeps the browser", func(t *testing.T, s *sandbox.Sandbox) {
		checkFailure(t, ask(s, "GET", "/sandbox/oauth?"+query("redirect_uri", "https://elsewhere.example/"), ""), "Cannot return")
	}},
	{"a second consent is silent", func(t *testing.T, s *sandbox.Sandbox) {
		once := "/sandbox/oauth/dialog?" + query("sandbox_decision", "once")
		asked := func(address string) bool {
			return strings.Contains(ask(s, "GET", address, "").Body.String(), `value="approve"`)
		}
		if !asked(once) {
			t.Error("the first is silent")
		}
		approved(t, s)
		if asked(once) || asked("/sandbox/oauth/dialog?"+query("sandbox_decision", "once", "scope", "read_inbox")) {
			t.Error("the second is not silent")
		}
		if !asked("/sandbox/oauth/dialog?" + query("sandbox_decision", "once", "scope", "no_expiry")) {
			t.Error("another scope is silent")
		}
		if !asked("/sandbox/oauth/dialog?" + query("sandbox_decision", "once", "client_id", "8")) {
			t.Error("another app is silent")
		}
	}},
	{"an app without a page ends at login_success", func(t *testing.T, s *sandbox.Sandbox) {
		const uri = "https://example.com/sandbox/oauth/login_success"
		check(t, approved(t, s, "redirect_uri", uri), `/login_success#access_token=`)
		check(t, approved(t, s, append(pkce, "redirect_uri", uri)...), `/login_success\?code=`)
		check(t, ask(s, "GET", "/sandbox/oauth/login_success?code=x", "").Body.String(), `<h1>Authorizing Application</h1>`)
	}},
}

// checkFailure checks that the browser stays.
func checkFailure(t *testing.T, w *httptest.ResponseRecorder, text string) {
	t.Helper()
	page := w.Body.String()
	if w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" || !strings.Contains(page, text) ||
		!strings.Contains(page, "<title>Application Login Failure</title>") {
		t.Errorf("%d %v, want a failure with %q:\n%s", w.Code, w.Header(), text, page)
	}
}

const tokenPath = "/sandbox/oauth/access_token/json"

var tokenQuirks = []quirk{
	{"parameters are in the body or in the query", func(t *testing.T, s *sandbox.Sandbox) {
		check(t, redeem(s, redemption(issueCode(t, s))).Body.String(), `"access_token"`)
		check(t, ask(s, "POST", tokenPath+"?"+redemption(issueCode(t, s)), "").Body.String(), `"access_token"`)
		none := func(r *http.Request) { r.Header.Del("Content-Type") }
		check(t, ask(s, "POST", tokenPath+"?"+redemption(issueCode(t, s)), "", none).Body.String(), `"access_token"`)
		check(t, ask(s, "POST", tokenPath+"?"+redemption(issueCode(t, s)), "client_id=7").Body.String(), `code not provided`)
	}},
	{"a JSON body is not read", func(t *testing.T, s *sandbox.Sandbox) {
		asJSON := func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }
		w := ask(s, "POST", tokenPath, `{"client_id":7,"code":"x"}`, asJSON)
		check(t, w.Body.String(), `^\{"error":\{"type":"invalid_request","message":"client_id not provided"\}\}`)
	}},
	{"errors have three forms", func(t *testing.T, s *sandbox.Sandbox) {
		check(t, redeem(s, "").Body.String(), `^\{"error":\{"type":"invalid_request","message":"client_id not provided"\}\}`)
		check(t, redeem(s, redemption(issueCode(t, s), "redirect_uri", "https://example.com/x")).Body.String(), `^\{"error":\{"type":"2","message":"redirect_uri does not match`)
		check(t, redeem(s, redemption("x")).Body.String(), `^\{"error_message":"No authorization code found"\}`)
		code := issueCode(t, s)
		time.Sleep(time.Minute)
		check(t, redeem(s, redemption(code)).Body.String(), `^\{"error_message":"[^"]*code has expired"\}`)
	}},
	{"errors have one form", func(t *testing.T, s *sandbox.Sandbox) {
		for form, want := range map[string]string{
			"nested": `"error":\{"type":"invalid_request"`, "numbered": `"error":\{"type":"2"`, "flat": `^\{"error_message":`,
		} {
			for _, request := range []string{"client_id=7", redemption("x")} {
				check(t, redeem(s, request+"&sandbox_token_errors="+form).Body.String(), want)
			}
		}
	}},
	{"an answer is text/plain", func(t *testing.T, s *sandbox.Sandbox) {
		w := ask(s, "POST", "/sandbox/oauth/access_token", redemption(issueCode(t, s)))
		check(t, w.Header().Get("Content-Type")+" "+w.Body.String(), `^text/plain; charset=utf-8 access_token=[^&]*\)\)&expires=86400$`)
	}},
	{"PKCE is verified", func(t *testing.T, s *sandbox.Sandbox) {
		check(t, redeem(s, redemption(issueCode(t, s), "code_verifier", strings.Repeat("x", 43))).Body.String(), `code_verifier`)
	}},
	{"a secret beside PKCE does no harm", func(t *testing.T, s *sandbox.Sandbox) {
		check(t, redeem(s, redemption(issueCode(t, s), "client_secret", "any((")).Body.String(), `"access_token"`)
	}},
	{"a code works once", func(t *testing.T, s *sandbox.Sandbox) {
		form := redemption(issueCode(t, s))
		redeem(s, form)
		check(t, redeem(s, form).Body.String(), `No authorization code found`)
	}},
	{"a proxy blocks with HTML", func(t *testing.T, s *sandbox.Sandbox) {
		checkBlocked(t, s, "POST", tokenPath, redemption("x")+"&sandbox_throttle=html_403", http.StatusForbidden)
	}},
}

func checkBlocked(t *testing.T, s *sandbox.Sandbox, method, target, form string, status int) {
	t.Helper()
	w := ask(s, method, target, form)
	if w.Code != status || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") || !strings.Contains(w.Body.String(), "1015") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

var apiQuirks = []quirk{
	{"answers are compressed unasked, in a wrapper", func(t *testing.T, s *sandbox.Sandbox) {
		status, answer := callAPI(t, s, "/users") // unpacks
		if status != http.StatusOK || answer.HasMore == nil || answer.QuotaMax != 10_000 || answer.Backoff != 0 {
			t.Errorf("%d %+v", status, answer)
		}
	}},
	{"an unknown token has no items", func(t *testing.T, s *sandbox.Sandbox) {
		if status, answer := callAPI(t, s, "/access-tokens/unknown"); status != http.StatusOK || answer.Items == nil || len(answer.Items) != 0 {
			t.Errorf("%d %+v", status, answer)
		}
	}},
	{"an item has only what there is", func(t *testing.T, s *sandbox.Sandbox) {
		token := implicitToken(t, s, "scope", "")
		w := ask(s, "GET", "/sandbox/2.3/access-tokens/"+token, "")
		check(t, decompress(t, w), `"items":\[\{"access_token":"[^"]*","account_id":\d+,"expires_on_date":\d+\}\]`)
	}},
	{"answers ask for a pause", func(t *testing.T, s *sandbox.Sandbox) {
		if _, answer := callAPI(t, s, "/users?sandbox_backoff=10"); answer.Backoff != 10 || len(answer.Items) != 1 {
			t.Errorf("%+v", answer)
		}
	}},
	{"a dead token is error 402, or 403", func(t *testing.T, s *sandbox.Sandbox) {
		for target, want := range map[string]int{"/me": 402, "/me?sandbox_dead_tokens=403": 403, "/users?sandbox_dead_tokens=403": 403} {
			if status, answer := callAPI(t, s, target, bearer("dead))")); status != http.StatusBadRequest || answer.ErrorID != want {
				t.Errorf("%s: %d %+v", target, status, answer)
			}
		}
	}},
	{"credentials in the query are refused", func(t *testing.T, s *sandbox.Sandbox) {
		token := implicitToken(t, s)
		status, answer := callAPI(t, s, "/me?key=k&access_token="+url.QueryEscape(token))
		if status != http.StatusBadRequest || answer.ErrorName != "bad_parameter" || !strings.Contains(answer.ErrorMessage, "Bearer") {
			t.Errorf("%d %+v", status, answer)
		}
		if status, _ := callAPI(t, s, "/me", bearer(token)); status != http.StatusOK {
			t.Errorf("as Bearer: %d", status)
		}
	}},
	{"de-authenticate ends the app's other tokens", func(t *testing.T, s *sandbox.Sandbox) {
		one, other, foreign := implicitToken(t, s), implicitToken(t, s), implicitToken(t, s, "client_id", "8")
		callAPI(t, s, "/apps/"+one+"/de-authenticate")
		for token, want := range map[string]int{one: 0, other: 0, foreign: 1} {
			if _, answer := callAPI(t, s, "/access-tokens/"+token); len(answer.Items) != want {
				t.Errorf("%+v, want %d items", answer, want)
			}
		}
	}},
	{"the quota is -1", func(t *testing.T, s *sandbox.Sandbox) {
		if _, answer := callAPI(t, s, "/users?sandbox_quota=minus_one"); answer.QuotaRemaining != -1 || answer.QuotaMax != 300 {
			t.Errorf("%+v", answer)
		}
	}},
	{"a throttled client gets error 502", func(t *testing.T, s *sandbox.Sandbox) {
		for value, message := range map[string]string{"json": "17 seconds", "json_bare": "too many"} {
			status, answer := callAPI(t, s, "/me?key=k&sandbox_throttle="+value)
			if status != http.StatusBadRequest || answer.ErrorID != 502 || !strings.Contains(answer.ErrorMessage, message) {
				t.Errorf("%s: %d %+v", value, status, answer)
			}
		}
	}},
	{"a throttled client gets HTML", func(t *testing.T, s *sandbox.Sandbox) {
		checkBlocked(t, s, "GET", "/sandbox/2.3/me?sandbox_throttle=html_403", "", http.StatusForbidden)
		checkBlocked(t, s, "GET", "/sandbox/2.3/me?sandbox_throttle=html_429", "", http.StatusTooManyRequests)
	}},
	{"errors can be simulated", func(t *testing.T, s *sandbox.Sandbox) {
		if status, answer := callAPI(t, s, "/errors/409"); status != http.StatusBadRequest || answer.ErrorName != "duplicate_request" {
			t.Errorf("%d %+v", status, answer)
		}
		if _, answer := callAPI(t, s, "/errors/999"); answer.ErrorID != 404 {
			t.Errorf("unknown: %+v", answer)
		}
	}},
}
