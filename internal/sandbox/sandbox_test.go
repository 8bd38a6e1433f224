package sandbox_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/sandbox"
	"github.com/desktop-stack-serv/dss/internal/web/text"
)

// The example of RFC 7636 appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

const redirectURI = "https://login.example.com/auth/redirect"

// ask serves one request from this machine.
func ask(s http.Handler, method, target, form string, edit ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(form))
	r.RemoteAddr = "127.0.0.1:50000"
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, change := range edit {
		change(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// query encodes an authorization request, with more parameters in pairs; ""
// takes one away.
func query(more ...string) string {
	values := url.Values{"client_id": {"7"}, "redirect_uri": {redirectURI}, "state": {"st"}, "scope": {"read_inbox,write_access"}}
	for i := 0; i < len(more); i += 2 {
		if more[i+1] == "" {
			values.Del(more[i])
			continue
		}
		values.Set(more[i], more[i+1])
	}
	return values.Encode()
}

// location returns where an answer sends the browser.
func location(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	if w.Code != http.StatusFound {
		t.Fatalf("status %d, want 302: %s", w.Code, w.Body)
	}
	return w.Header().Get("Location")
}

// responseOf returns the decoded fragment or query of a redirect.
func responseOf(t *testing.T, location string) url.Values {
	t.Helper()
	at := strings.IndexAny(location, "#?")
	values, err := url.ParseQuery(location[at+1:])
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func implicitToken(t *testing.T, s http.Handler, more ...string) string {
	t.Helper()
	w := ask(s, "GET", "/sandbox/oauth/dialog?"+query(append(more, "sandbox_decision", "approve")...), "")
	return responseOf(t, location(t, w)).Get("access_token")
}

func issueCode(t *testing.T, s http.Handler, more ...string) string {
	t.Helper()
	more = append([]string{"code_challenge", challenge, "code_challenge_method", "S256", "sandbox_decision", "approve"}, more...)
	return responseOf(t, location(t, ask(s, "GET", "/sandbox/oauth?"+query(more...), ""))).Get("code")
}

func redemption(code string, more ...string) string {
	values := url.Values{"client_id": {"7"}, "redirect_uri": {redirectURI}, "code": {code}, "code_verifier": {verifier}}
	for i := 0; i < len(more); i += 2 {
		values.Set(more[i], more[i+1])
	}
	return values.Encode()
}

func redeem(s http.Handler, form string) *httptest.ResponseRecorder {
	return ask(s, "POST", "/sandbox/oauth/access_token/json", form)
}

// apiAnswer is what the API answers: a wrapper or an error.
type apiAnswer struct {
	Items []struct {
		AccessToken   string   `json:"access_token"`
		AccountID     int      `json:"account_id"`
		DisplayName   string   `json:"display_name"`
		ExpiresOnDate int64    `json:"expires_on_date"`
		Scope         []string `json:"scope"`
	}
	HasMore        *bool  `json:"has_more"`
	Backoff        int    `json:"backoff"`
	QuotaMax       int    `json:"quota_max"`
	QuotaRemaining int    `json:"quota_remaining"`
	ErrorID        int    `json:"error_id"`
	ErrorName      string `json:"error_name"`
	ErrorMessage   string `json:"error_message"`
}

// callAPI calls a method without asking for compression and unpacks what
// comes compressed all the same.
func callAPI(t *testing.T, s http.Handler, target string, edit ...func(*http.Request)) (int, apiAnswer) {
	t.Helper()
	w := ask(s, "GET", "/sandbox/2.3"+target, "", edit...)
	return w.Code, unpack(t, w)
}

// unpack reads an answer of the API.
func unpack(t *testing.T, w *httptest.ResponseRecorder) (answer apiAnswer) {
	t.Helper()
	if err := json.Unmarshal([]byte(decompress(t, w)), &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// decompress returns the body of an answer of the API, which is always compressed.
func decompress(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	if got := w.Header().Get("Content-Encoding"); got != "gzip" {
		t.Fatalf("%d: Content-Encoding %q, want gzip: %s", w.Code, got, w.Body)
	}
	unpacked, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func TestEveryPageSaysSandbox(t *testing.T) {
	s := sandbox.New(sandbox.Config{})
	for name, target := range map[string]string{
		"index":        "/sandbox/",
		"consent":      "/sandbox/oauth/dialog?" + query(),
		"interstitial": "/sandbox/oauth/dialog?" + query("sandbox_decision", "approve", "sandbox_delivery", "script"),
		"failure":      "/sandbox/oauth/dialog?" + query("client_id", "x"),
		"problem":      "/sandbox/oauth/dialog?" + query("sandbox_order", "x"),
		"apps":         "/sandbox/apps",
		"application":  "/sandbox/applications/902",
		"switches":     "/sandbox/switches",
		"success":      "/sandbox/oauth/login_success",
		"not found":    "/sandbox/nothing",
		"not clean":    "/sandbox//oauth",
	} {
		w := ask(s, "GET", target, "")
		if !strings.Contains(strings.ToLower(w.Body.String()), "sandbox") {
			t.Errorf("%s: the page does not say that it is a sandbox:\n%s", name, w.Body)
		}
		titles := regexp.MustCompile(`<(?:title|h1)>(.*?)</(?:title|h1)>`).FindAllStringSubmatch(w.Body.String(), -1)
		tag := regexp.MustCompile(`<[^>]*>`)
		if len(titles) != 2 || titles[0][1] != text.WithoutBreaks(tag.ReplaceAllString(titles[1][1], "")) {
			t.Errorf("%s: the title is not the headline: %q", name, titles)
		}
		if w.Header().Get("X-DSS-Sandbox") != "1" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", name, w.Header())
		}
		if !strings.Contains(w.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: the page can be framed", name)
		}
		if strings.Contains(w.Body.String(), "//cdn") || strings.Contains(w.Body.String(), `src="http`) {
			t.Errorf("%s: the page loads something from elsewhere", name)
		}
	}
}

func TestConsentPage(t *testing.T) {
	s := sandbox.New(sandbox.Config{})
	page := ask(s, "GET", "/sandbox/oauth/dialog?"+query("state", `"><script>alert(1)</script>`, "scope", "read_inbox no_expiry,access_team|x,zzz"), "").Body.String()
	for _, want := range []string{
		`name="decision" value="approve"`, `name="decision" value="deny"`, ">Approve<", ">Deny<",
		"Read your inbox", "never expires", "the team at <bdi>x</bdi>", "does not know", "login.example.com", "&lt;script&gt;",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "<script>alert") {
		t.Error("the page has an injected script")
	}
}

func TestDecisionOnThePage(t *testing.T) {
	s := sandbox.New(sandbox.Config{})
	approve := query("decision", "approve")
	if got := location(t, ask(s, "POST", "/sandbox/oauth/dialog", approve)); !strings.HasPrefix(got, redirectURI+"#access_token=") {
		t.Errorf("approved: %s", got)
	}
	if got := location(t, ask(s, "POST", "/sandbox/oauth", approve)); !strings.HasPrefix(got, redirectURI+"?code=") {
		t.Errorf("approved: %s", got)
	}
	elsewhere := func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }
	for name, w := range map[string]*httptest.ResponseRecorder{
		"from another site": ask(s, "POST", "/sandbox/oauth", approve, elsewhere),
		"undecided":         ask(s, "POST", "/sandbox/oauth", query("decision", "perhaps")),
		"twice":             ask(s, "POST", "/sandbox/oauth", approve+"&decision=deny"),
	} {
		if w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" {
			t.Errorf("%s: %d %s", name, w.Code, w.Header().Get("Location"))
		}
	}
	if w := ask(s, "PUT", "/sandbox/oauth", ""); w.Code/100 != 4 {
		t.Errorf("PUT: %d", w.Code)
	}
}

func TestSilentReauthorization(t *testing.T) {
	s := sandbox.New(sandbox.Config{})
	first, second := implicitToken(t, s), implicitToken(t, s)
	if first == second || first == "" {
		t.Errorf("tokens %q and %q, want two that differ", first, second)
	}
	page := ask(s, "GET", "/sandbox/oauth/dialog?"+query(), "").Body.String()
	if !strings.Contains(page, "before") {
		t.Error("the page does not say that the app was approved before")
	}
}

func TestDelivery(t *testing.T) {
	const state = `a b/ü`
	encodedState := "a+b%2f%c3%bc" // by hand: lower-case hex and +
	token := `[A-Za-z0-9()*]{22}\)\)`
	tests := []struct {
		name, path string
		more       []string
		want       string
	}{
		{"implicit", "/oauth/dialog", nil, `#access_token=` + token + `&expires=86400&scope=read_inbox%20write_access&state=` + regexp.QuoteMeta(encodedState)},
		{"state first", "/oauth/dialog", []string{"sandbox_order", "state_first"}, `#state=` + regexp.QuoteMeta(encodedState) + `&access_token=` + token + `&expires=86400&scope=read_inbox%20write_access`},
		{"no expiry", "/oauth/dialog", []string{"scope", "no_expiry write_access"}, `#access_token=` + token + `&scope=no_expiry%20write_access&state=` + regexp.QuoteMeta(encodedState)},
		{"no state", "/oauth/dialog", []string{"state", ""}, `#access_token=` + token + `&expires=86400&scope=read_inbox%20write_access`},
		{"no scope", "/oauth/dialog", []string{"state", "", "scope", ""}, `#access_token=` + token + `&expires=86400`},
		{"code", "/oauth", nil, `\?code=` + token + `&state=` + regexp.QuoteMeta(encodedState)},
		{"code, with a query", "/oauth", []string{"redirect_uri", redirectURI + "?appid=7"}, `\?appid=7&code=` + token + `&state=` + regexp.QuoteMeta(encodedState)},
		{"implicit, with a query", "/oauth/dialog", []string{"redirect_uri", redirectURI + "?appid=7"}, `\?appid=7#access_token=.*`},
		{"query lost", "/oauth", []string{"redirect_uri", redirectURI + "?appid=7", "sandbox_strip_query", "1"}, `\?code=` + token + `&state=.*`},
		{"query lost, implicit", "/oauth/dialog", []string{"redirect_uri", redirectURI + "?appid=7", "sandbox_strip_query", "1"}, `#access_token=.*`},
		{"denied, implicit", "/oauth/dialog", []string{"sandbox_decision", "deny"}, `#error=access_denied&error_description=The\+user\+denied\+the\+request.&state=` + regexp.QuoteMeta(encodedState)},
		{"denied, code", "/oauth", []string{"sandbox_decision", "deny"}, `\?error=access_denied&error_description=The\+user\+denied\+the\+request.&state=` + regexp.QuoteMeta(encodedState)},
		{"extra parameters", "/oauth", []string{"prompt", "login", "response_type", "x"}, `\?code=.*`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := sandbox.New(sandbox.Config{})
			target := "/sandbox" + tt.path + "?" + query(append([]string{"sandbox_decision", "approve", "state", state}, tt.more...)...)
			got := location(t, ask(s, "GET", target, ""))
			if !regexp.MustCompile("^" + regexp.QuoteMeta(redirectURI) + tt.want + "$").MatchString(got) {
				t.Errorf("Location %s, want %s", got, tt.want)
			}
		})
	}
}

func TestDeliveryByScript(t *testing.T) {
	s := sandbox.New(sandbox.Config{})
	w := ask(s, "GET", "/sandbox/oauth/dialog?"+query("sandbox_decision", "approve", "sandbox_delivery", "script"), "")
	if w.Code != http.StatusOK || w.Header().Get("Location") != "" {
		t.Fatalf("status %d, Location %q", w.Code, w.Header().Get("Location"))
	}
	page := w.Body.String()
	if !strings.Contains(page, redirectURI+"#access_token=") || !strings.Contains(page, "/sandbox/interstitial.js") {
		t.Errorf("the page does not go on:\n%s", page)
	}
	if w := ask(s, "GET", "/sandbox/interstitial.js", ""); w.Code != http.StatusOK {
		t.Errorf("the script: %d", w.Code)
	}
	w = ask(s, "GET", "/sandbox/oauth/dialog?"+query("sandbox_decision", "approve", "sandbox_delivery", "redirect"), "")
	location(t, w)
}

func TestBadAuthorizationRequestsAreNotRedirected(t *testing.T) {
	s := sandbox.New(sandbox.Config{Host: "example.com"})
	for name, more := range map[string][]string{
		"no client id":         {"client_id", ""},
		"client id 0":          {"client_id", "0"},
		"client id in words":   {"client_id", "seven"},
		"unknown app":          {"client_id", "912"},
		"no redirect URI":      {"redirect_uri", ""},
		"another domain":       {"redirect_uri", "https://example.org/"},
		"a suffix of the name": {"redirect_uri", "https://badexample.com/"},
		"another scheme":       {"redirect_uri", "javascript://example.com/%0aalert(1)"},
		"relative":             {"redirect_uri", "//example.com/"},
		"a user":               {"redirect_uri", "https://example.com@evil.example/"},
		"a backslash":          {"redirect_uri", `https://evil.example\.example.com/`},
		"a space":              {"redirect_uri", "https://evil.example .example.com/"},
		"a fragment":           {"redirect_uri", redirectURI + "#x"},
		"an escaped host":      {"redirect_uri", "https://evil%2eexample/.example.com"},
		"a strange number":     {"redirect_uri", "https://2130706433/"},
		"port 0":               {"redirect_uri", "https://example.com:0/"},
		"port 65536":           {"redirect_uri", "https://example.com:65536/"},
		"plain PKCE":           {"code_challenge", challenge, "code_challenge_method", "plain"},
		"PKCE method missing":  {"code_challenge", challenge},
		"a short challenge":    {"code_challenge", "abc", "code_challenge_method", "S256"},
		"an unknown switch":    {"sandbox_ordre", "state_first"},
		"an unknown value":     {"sandbox_order", "random"},
		"a control character":  {"state", "a\x00b"},
		"a long scope":         {"scope", strings.Repeat("x", 1001)},
	} {
		t.Run(name, func(t *testing.T) {
			w := ask(s, "GET", "/sandbox/oauth?"+query(append(more, "sandbox_decision", "approve")...), "")
			if name == "an unknown value" || name == "an unknown switch" {
				w = ask(s, "GET", "/sandbox/oauth?"+query(more...), "")
			}
			if w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" {
				t.Errorf("status %d, Location %q", w.Code, w.Header().Get("Location"))
			}
			if strings.Contains(w.Body.String(), "evil.example") {
				t.Error("the page repeats the address")
			}
		})
	}
	for _, twice := range []string{"&state=x", "&client_id=7", "&redirect_uri=https://example.com"} {
		if w := ask(s, "GET", "/sandbox/oauth?"+query()+twice, ""); w.Code != http.StatusBadRequest {
			t.Errorf("%s again: status %d", twice, w.Code)
		}
	}
}

func TestSubdomains(t *testing.T) {
	s := sandbox.New(sandbox.Config{Host: "Example.com"})
	for _, uri := range []string{"https://example.com/", "https://EXAMPLE.com:8443/any/path", "http://7.dss.example.com/auth/redirect"} {
		if w := ask(s, "GET", "/sandbox/oauth?"+query("redirect_uri", uri), ""); w.Code != http.StatusOK {
			t.Errorf("%s: status %d", uri, w.Code)
		}
	}
}

func TestRedeemJSONAndText(t *testing.T) {
	s := sandbox.New(sandbox.Config{})
	w := redeem(s, redemption(issueCode(t, s)))
	if w.Code != http.StatusOK || !regexp.MustCompile(`^\{"access_token":"[A-Za-z0-9()*]{22}\)\)","expires":86400\}\n$`).MatchString(w.Body.String()) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, "application/json") {
		t.Errorf("Content-Type %q", got)
	}
	w = redeem(s, redemption(issueCode(t, s, "scope", "no_expiry")))
	if strings.Contains(w.Body.String(), "expires") {
		t.Errorf("no_expiry: %s", w.Body)
	}
	w = ask(s, "POST", "/sandbox/oauth/access_token", redemption(issueCode(t, s)))
	if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || !strings.HasPrefix(got, "text/plain") {
		t.Errorf("%d %q", w.Code, got)
	}
	if !regexp.MustCompile(`^access_token=[A-Za-z0-9()*]{22}\)\)&expires=86400$`).MatchString(w.Body.String()) {
		t.Errorf("text: %s", w.Body)
	}
}

func TestRedeemErrors(t *testing.T) {
	s := sandbox.New(sandbox.Config{})
	used := issueCode(t, s)
	redeem(s, redemption(used))
	withoutPKCE := func() string { return issueCode(t, s, "code_challenge", "", "code_challenge_method", "") }
	const (
		nested   = `{"error":{"type":"invalid_request","message":"`
		numbered = `{"error":{"type":"2","message":"`
		flat     = `{"error_message":"`
	)
	for name, tt := range map[string]struct{ form, shape, message string }{
		"no client id":       {"code=x", nested, "client_id not provided"},
		"no code":            {"client_id=7", nested, "code not provided"},
		"no redirect URI":    {"client_id=7&code=x", nested, "redirect_uri not provided"},
		"unknown code":       {redemption("x"), flat, "No authorization code found"},
		"used code":          {redemption(used), flat, "No authorization code found"},
		"another app":        {redemption(issueCode(t, s), "client_id", "8"), flat, "No authorization code found"},
		"another URI":        {redemption(issueCode(t, s), "redirect_uri", redirectURI+"/"), numbered, "redirect_uri does not match"},
		"wrong verifier":     {redemption(issueCode(t, s), "code_verifier", strings.Repeat("x", 43)), nested, "code_verifier"},
		"no verifier":        {redemption(issueCode(t, s), "code_verifier", ""), nested, "code_verifier"},
		"verifier, no PKCE":  {redemption(withoutPKCE()), nested, "code_verifier"},
		"no PKCE, no secret": {redemption(withoutPKCE(), "code_verifier", ""), nested, "PKCE"},
		"code twice":         {redemption("x") + "&code=y", nested, "more than once"},
	} {
		t.Run(name, func(t *testing.T) {
			w := redeem(s, tt.form)
			if w.Code != http.StatusBadRequest || !strings.HasPrefix(w.Body.String(), tt.shape) || !strings.Contains(w.Body.String(), tt.message) {
				t.Errorf("%d %s, want 400 %s…%s…", w.Code, w.Body, tt.shape, tt.message)
			}
		})
	}
	// A confidential client needs no PKCE.
	if w := redeem(s, redemption(withoutPKCE(), "code_verifier", "", "client_secret", "any")); w.Code != http.StatusOK {
		t.Errorf("with a secret: %d %s", w.Code, w.Body)
	}
	// A wrong verifier has used the code up.
	code := issueCode(t, s)
	redeem(s, redemption(code, "code_verifier", strings.Repeat("x", 43)))
	if w := redeem(s, redemption(code)); w.Code != http.StatusBadRequest {
		t.Errorf("after a wrong verifier: %d", w.Code)
	}
	if w := ask(s, "GET", "/sandbox/oauth/access_token/json?"+redemption(issueCode(t, s)), ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
}

func TestTokenMethods(t *testing.T) {
	s := sandbox.New(sandbox.Config{})
	token := implicitToken(t, s)
	forever := implicitToken(t, s, "scope", "no_expiry")
	another := implicitToken(t, s, "client_id", "8")

	status, answer := callAPI(t, s, "/access-tokens/"+url.PathEscape(token)+";unknown")
	if status != http.StatusOK || len(answer.Items) != 1 || answer.Items[0].AccessToken != token || answer.Items[0].AccountID == 0 {
		t.Fatalf("%d %+v", status, answer)
	}
	if got := strings.Join(answer.Items[0].Scope, " "); got != "read_inbox write_access" {
		t.Errorf("scope %q", got)
	}
	if answer.HasMore == nil || *answer.HasMore || answer.QuotaMax != 10000 || answer.QuotaRemaining != 9999 || answer.Items[0].ExpiresOnDate == 0 {
		t.Errorf("wrapper %+v", answer)
	}
	if _, answer := callAPI(t, s, "/access-tokens/"+forever); len(answer.Items) != 1 || answer.Items[0].ExpiresOnDate != 0 {
		t.Errorf("no_expiry: %+v", answer)
	}
	if status, answer := callAPI(t, s, "/access-tokens/unknown"); status != http.StatusOK || answer.Items == nil || len(answer.Items) != 0 {
		t.Errorf("unknown token: %d %+v", status, answer)
	}
	if status, answer := callAPI(t, s, "/access-tokens/"+strings.Repeat("x;", 20)+"x"); status != http.StatusBadRequest || answer.ErrorName != "bad_parameter" {
		t.Errorf("21 tokens: %d %+v", status, answer)
	}

	if _, answer := callAPI(t, s, "/access-tokens/"+token+"/invalidate"); len(answer.Items) != 1 {
		t.Errorf("invalidate: %+v", answer)
	}
	if _, answer := callAPI(t, s, "/access-tokens/"+token); len(answer.Items) != 0 {
		t.Error("the token lives on after invalidate")
	}
	if _, answer := callAPI(t, s, "/apps/"+forever+"/de-authenticate"); len(answer.Items) != 1 {
		t.Errorf("de-authenticate: %+v", answer)
	}
	for token, want := range map[string]int{forever: 0, another: 1} {
		if _, answer := callAPI(t, s, "/access-tokens/"+token); len(answer.Items) != want {
			t.Errorf("after de-authenticate of app 7: %+v, want %d items", answer, want)
		}
	}
	if page := ask(s, "GET", "/sandbox/oauth/dialog?"+query(), "").Body.String(); strings.Contains(page, "before") {
		t.Error("the app counts as approved after de-authenticate")
	}
}

func TestMethodsOfAUser(t *testing.T) {
	s := sandbox.New(sandbox.Config{})
	token, narrow := implicitToken(t, s), implicitToken(t, s, "scope", "write_access")
	if status, answer := callAPI(t, s, "/me?site=stackoverflow", bearer(token)); status != http.StatusOK || len(answer.Items) != 1 || answer.Items[0].DisplayName == "" {
		t.Errorf("me: %d %+v", status, answer)
	}
	if status, answer := callAPI(t, s, "/inbox", bearer(token)); status != http.StatusOK || len(answer.Items) != 0 {
		t.Errorf("inbox: %d %+v", status, answer)
	}
	for name, tt := range map[string]struct {
		target, token string
		id            int
		errorName     string
	}{
		"no token":     {"/me", "", 401, "access_token_required"},
		"bad token":    {"/me", "nonsense", 402, "invalid_access_token"},
		"narrow token": {"/inbox", narrow, 403, "access_denied"},
		"no method":    {"/nothing", token, 404, "no_method"},
		"bad query":    {"/me?access_token=%zz", "", 400, "bad_parameter"},
	} {
		status, answer := callAPI(t, s, tt.target, bearer(tt.token))
		if status != http.StatusBadRequest || answer.ErrorID != tt.id || answer.ErrorName != tt.errorName || answer.ErrorMessage == "" {
			t.Errorf("%s: %d %+v, want 400 with %d %s", name, status, answer, tt.id, tt.errorName)
		}
	}
	if w := ask(s, "POST", "/sandbox/2.3/me", ""); w.Code != http.StatusBadRequest {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestOnlyThisMachine(t *testing.T) {
	from := func(addr string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = addr } }
	through := func(name string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, "198.51.100.7") }
	}
	for name, edit := range map[string]func(*http.Request){
		"another machine":      from("198.51.100.7:4000"),
		"another one, IPv6":    from("[2001:db8::1]:4000"),
		"nobody":               from("@"),
		"X-Forwarded-For":      through("X-Forwarded-For"),
		"Forwarded":            through("Forwarded"),
		"an unusual proxy":     through("Via"),
		"a proxy without list": through("X-Real-IP"),
	} {
		for _, target := range []string{"/sandbox/", "/sandbox/oauth?" + query(), "/sandbox/oauth/access_token/json", "/sandbox/2.3/me"} {
			if w := ask(sandbox.New(sandbox.Config{}), "GET", target, "", edit); w.Code != http.StatusForbidden {
				t.Errorf("%s, %s: status %d", name, target, w.Code)
			}
		}
		if w := ask(sandbox.New(sandbox.Config{Remote: true}), "GET", "/sandbox/", "", edit); w.Code != http.StatusOK {
			t.Errorf("%s, allowed: status %d", name, w.Code)
		}
	}
	for _, addr := range []string{"127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"} {
		if w := ask(sandbox.New(sandbox.Config{}), "GET", "/sandbox/", "", from(addr)); w.Code != http.StatusOK {
			t.Errorf("%s: status %d", addr, w.Code)
		}
	}
}

func TestBodies(t *testing.T) {
	s := sandbox.New(sandbox.Config{})
	contentType := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Content-Type", value) }
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"json":   ask(s, "POST", "/sandbox/oauth/access_token/json", "{}", contentType("application/json")),
		"large":  ask(s, "POST", "/sandbox/oauth/access_token/json", "code="+strings.Repeat("x", 8<<10)),
		"broken": ask(s, "POST", "/sandbox/oauth/access_token/json", "code=%zz"),
	} {
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"type":"invalid_request"`) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := ask(s, "POST", "/sandbox/oauth", "{}", contentType("application/json")); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("consent by JSON: %d", w.Code)
	}
	if w := ask(s, "POST", "/sandbox/oauth", "state="+strings.Repeat("x", 8<<10)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a large consent: %d", w.Code)
	}
	for _, target := range []string{"/sandbox/", "/sandbox/sandbox.css"} {
		if w := ask(s, "POST", target, ""); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
			t.Errorf("POST %s: %d", target, w.Code)
		}
	}
}

// TestKnownScopesAreExplained: the consent page has words for each, and says so of
// others.
func TestKnownScopesAreExplained(t *testing.T) {
	const unknown = "does not know"
	for _, scope := range append([]string{api.ScopeTeam + "|stackoverflow.com/c/x"}, api.Scopes...) {
		w := ask(sandbox.New(sandbox.Config{}), "GET", "/sandbox/oauth?"+query("scope", scope), "")
		if body := w.Body.String(); w.Code != http.StatusOK || strings.Contains(body, unknown) || !strings.Contains(body, scope) {
			t.Errorf("%s: %d %s", scope, w.Code, body)
		}
	}
	if w := ask(sandbox.New(sandbox.Config{}), "GET", "/sandbox/oauth?"+query("scope", "make_tea"), ""); !strings.Contains(w.Body.String(), unknown) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
