package sandbox_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/sandbox"
	"github.com/desktop-stack-serv/dss/internal/web/text"
)

// TestApps signs in and calls the API as each app of the list: what is registered
// wrong fails where Stack Exchange is known to refuse it, or is taken to.
func TestApps(t *testing.T) {
	const fine = ""
	for id, want := range map[string]struct {
		name                                             string
		implicit, code, redeem, loginSuccess, key, write string // part of what is said; fine
	}{
		"7":   {name: "not in the list"},
		"901": {name: "right"},
		"902": {name: "confidential", implicit: "Implicit", redeem: "client_secret not provided", loginSuccess: "Implicit"},
		"903": {name: "no PKCE", code: "with PKCE"},
		"904": {name: "no Implicit", implicit: "Implicit", loginSuccess: "Implicit"},
		"905": {name: "no flow", implicit: "No flow", code: "No flow", loginSuccess: "No flow"},
		"906": {name: "another domain", implicit: "elsewhere.example", code: "elsewhere.example"},
		"907": {name: "no domain", implicit: "not configured", code: "not configured"},
		"908": {name: "a domain below", implicit: "app.example.com", code: "app.example.com"},
		"909": {name: "Non-Web off", loginSuccess: "Non-Web"},
		"910": {name: "no post", write: "Stack Apps"},
		"911": {name: "key expired", key: "expired"},
		"912": {name: "deleted", implicit: "no app", code: "no app", loginSuccess: "no app"},
	} {
		t.Run(id+" "+want.name, func(t *testing.T) {
			s := sandbox.New(sandbox.Config{Host: "example.com"})
			page := func(path string, more ...string) (token, said string) {
				t.Helper()
				more = append([]string{"client_id", id, "sandbox_decision", "approve", "scope", "write_access"}, more...)
				w := ask(s, "GET", path+query(more...), "")
				if w.Code == http.StatusFound {
					response := responseOf(t, w.Header().Get("Location"))
					return response.Get("access_token") + response.Get("code"), fine
				}
				checkFailure(t, w, "")
				return "", w.Body.String()
			}
			says := func(what, got, want string) {
				t.Helper()
				if (got == fine) != (want == fine) || !strings.Contains(got, want) {
					t.Errorf("%s: %q, want %q", what, got, want)
				}
			}
			token, said := page("/sandbox/oauth/dialog?")
			says("implicit", said, want.implicit)
			_, said = page("/sandbox/oauth/dialog?", "redirect_uri", "https://example.com/sandbox/oauth/login_success")
			says("login_success", said, want.loginSuccess)
			code, said := page("/sandbox/oauth?", pkce...)
			says("code", said, want.code)
			if code != "" {
				w := redeem(s, redemption(code, "client_id", id))
				said = fine
				if w.Code != http.StatusOK {
					said = w.Body.String()
				}
				says("redeem", said, want.redeem)
			}
			if token == "" {
				return
			}
			form := url.Values{"access_token": {token}, "key": {"rl_SandboxKeyOfAppNumber" + id}, "body": {"a <comment>"}}
			answer := unpack(t, ask(s, "POST", "/sandbox/2.3/me", form.Encode()))
			says("key", answer.ErrorMessage, want.key)
			form.Del("key")
			answer = unpack(t, ask(s, "POST", "/sandbox/2.3/posts/1/comments/add", form.Encode()))
			says("write", answer.ErrorMessage, want.write)
		})
	}
}

func TestConfidentialClientRedeemsWithItsSecret(t *testing.T) {
	s := sandbox.New(sandbox.Config{Host: "example.com"})
	for _, withPKCE := range []bool{true, false} {
		request, more := []string{"client_id", "902"}, []string{"client_id", "902", "client_secret", "any(("}
		if !withPKCE {
			request = append(request, "code_challenge", "", "code_challenge_method", "")
			more = append(more, "code_verifier", "")
		}
		if w := redeem(s, redemption(issueCode(t, s, request...), more...)); w.Code != http.StatusOK {
			t.Errorf("with PKCE %t: %d %s", withPKCE, w.Code, w.Body)
		}
	}
	w := ask(s, "GET", "/sandbox/oauth?"+query("client_id", "901"), "")
	checkFailure(t, w, "code_challenge is missing")
}

// TestRegisteringAnApp changes how an app of the list is registered, on its page.
func TestRegisteringAnApp(t *testing.T) {
	s := sandbox.New(sandbox.Config{Host: "example.com"})
	const page = "/sandbox/applications/903"
	index := func() string {
		_, rest, _ := strings.Cut(ask(s, "GET", "/sandbox/", "").Body.String(), `">903</a>: `)
		finding, _, _ := strings.Cut(rest, "</li>")
		return finding
	}
	if got := index(); got != "Authorization Code with PKCE is not enabled" {
		t.Errorf("at first: %s", got)
	}
	right := "pkce=on&implicit=on&domain=Example.COM&non_web=on&writes=on&decision=save"
	if w := ask(s, "POST", page, right); w.Code != http.StatusSeeOther || w.Header().Get("Location") != page {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := index(); got != "registered right" {
		t.Errorf("changed: %s", got)
	}
	if w := redeem(s, redemption(issueCode(t, s, "client_id", "903"), "client_id", "903")); w.Code != http.StatusOK {
		t.Errorf("sign-in: %d %s", w.Code, w.Body)
	}
	cross := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, edit := range map[string]func(*http.Request){
		"from another site":   cross("Sec-Fetch-Site", "cross-site"),
		"from the same site":  cross("Sec-Fetch-Site", "same-site"),
		"from another origin": cross("Origin", "https://evil.example"),
		"from a frame":        cross("Origin", "null"),
		"as JSON":             cross("Content-Type", "application/json"),
	} {
		for _, target := range []string{page, "/sandbox/apps", "/sandbox/switches"} {
			if w := ask(s, "POST", target, "decision=reset&client_id=903", edit); w.Code < 400 {
				t.Errorf("%s, %s: %d", target, name, w.Code)
			}
		}
	}
	for _, domain := range []string{"https://example.com", "example.com:80", "example.com/x", "a b", "<b>", strings.Repeat("a", 254)} {
		w := ask(s, "POST", page, url.Values{"domain": {domain}}.Encode())
		if w.Code != http.StatusBadRequest || strings.Contains(w.Body.String(), "<b>") {
			t.Errorf("domain %q: %d", domain, w.Code)
		}
	}
	if got := index(); got != "registered right" {
		t.Errorf("after what is refused: %s", got)
	}
	ask(s, "POST", page, "decision=reset")
	if got := index(); got != "Authorization Code with PKCE is not enabled" {
		t.Errorf("reset: %s", got)
	}
	for _, id := range []string{"7", "913", "x", ""} {
		if w := ask(s, "POST", "/sandbox/applications/"+id, right); w.Code != http.StatusNotFound {
			t.Errorf("application %q: %d", id, w.Code)
		}
	}
}

// TestRemovingAnApp takes an app off the account, with its tokens and codes.
func TestRemovingAnApp(t *testing.T) {
	s := sandbox.New(sandbox.Config{})
	if page := ask(s, "GET", "/sandbox/apps", "").Body.String(); !strings.Contains(page, "no application") {
		t.Errorf("at first:\n%s", page)
	}
	token, other := implicitToken(t, s), implicitToken(t, s, "client_id", "8")
	code := issueCode(t, s)
	page := ask(s, "GET", "/sandbox/apps", "").Body.String()
	for _, want := range []string{"Application <bdi>7</bdi>", "Application <bdi>8</bdi>", "Post, edit", `name="client_id" value="7"`, `value="remove"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, token) {
		t.Error("the page shows a token")
	}
	for _, form := range []string{"client_id=7", "decision=remove", "decision=keep&client_id=7"} {
		if w := ask(s, "POST", "/sandbox/apps", form); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", form, w.Code)
		}
	}
	if w := ask(s, "POST", "/sandbox/apps", "decision=remove&client_id=7"); w.Code != http.StatusSeeOther {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if status, answer := callAPI(t, s, "/me", bearer(token)); answer.ErrorID != 402 {
		t.Errorf("the token lives on: %d %+v", status, answer)
	}
	if w := redeem(s, redemption(code)); w.Code != http.StatusBadRequest {
		t.Errorf("the code lives on: %d", w.Code)
	}
	if status, _ := callAPI(t, s, "/me", bearer(other)); status != http.StatusOK {
		t.Errorf("the other app's token: %d", status)
	}
	w := ask(s, "GET", "/sandbox/oauth/dialog?"+query("sandbox_decision", "once"), "")
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "before") {
		t.Errorf("the consent lasts: %d", w.Code)
	}
	if page := ask(s, "GET", "/sandbox/apps", "").Body.String(); strings.Contains(page, "Application <bdi>7</bdi>") {
		t.Error("the app is listed on")
	}
}

// TestTheUserReadsTheirLanguage on the pages for users, dates too.
func TestTheUserReadsTheirLanguage(t *testing.T) {
	s := sandbox.New(sandbox.Config{})
	implicitToken(t, s)
	for tag, date := range map[string]string{
		"en": `on <bdi>\d+ \p{L}+ \d{4}, \d\d:\d\d UTC</bdi>`, "es": `el <bdi>\d\d/\d\d/\d{4}, \d\d:\d\d UTC</bdi>`,
		"pt-BR": `em <bdi>\d\d/\d\d/\d{4}, \d\d:\d\d UTC</bdi>`, "ru": ` <bdi>\d\d\.\d\d\.\d{4}, \d\d:\d\d UTC</bdi>`,
		"ja": `<bdi>\d{4}年\d+月\d+日 \d\d:\d\d UTC</bdi>に`,
	} {
		w := ask(s, "GET", "/sandbox/apps", "", func(r *http.Request) { r.Header.Set("Accept-Language", tag) })
		page := text.WithoutBreaks(w.Body.String())
		if w.Header().Get("Content-Language") != tag || !strings.Contains(page, `<html lang="`+tag+`" dir="ltr">`) {
			t.Errorf("%s: %v", tag, w.Header())
		}
		if !regexp.MustCompile(date).MatchString(page) {
			t.Errorf("%s: no date like %s:\n%s", tag, date, page)
		}
	}
}

// TestSwitches makes what Stack Exchange does at times usual.
func TestSwitches(t *testing.T) {
	s := sandbox.New(sandbox.Config{})
	if w := ask(s, "POST", "/sandbox/switches", "sandbox_order=state_first&sandbox_backoff=10"); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	check(t, approved(t, s), `#state=st&access_token=`)
	check(t, approved(t, s, "sandbox_order", "state_last"), `&state=st$`)
	if _, answer := callAPI(t, s, "/users"); answer.Backoff != 10 {
		t.Errorf("%+v", answer)
	}
	if page := ask(s, "GET", "/sandbox/switches", "").Body.String(); !strings.Contains(page, "<option selected>state_first</option>") {
		t.Errorf("the page does not show it:\n%s", page)
	}
	for _, form := range []string{"sandbox_order=up", "sandbox_nothing=1", "sandbox_order=a&sandbox_order=b"} {
		if w := ask(s, "POST", "/sandbox/switches", form); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", form, w.Code)
		}
	}
	if _, answer := callAPI(t, s, "/users?sandbox_order=up"); answer.ErrorName != "bad_parameter" {
		t.Errorf("the API: %+v", answer)
	}
	check(t, approved(t, s), `#state=st&access_token=`)
}

// TestChangesDuringRequests: the race detector watches.
func TestChangesDuringRequests(t *testing.T) {
	s := sandbox.New(sandbox.Config{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 50 {
			ask(s, "POST", "/sandbox/applications/901", "decision=save&implicit=on&domain=login.example.com")
			ask(s, "POST", "/sandbox/applications/901", "decision=reset")
			ask(s, "POST", "/sandbox/switches", "sandbox_order=shuffled")
			ask(s, "POST", "/sandbox/apps", "decision=remove&client_id=901")
			ask(s, "GET", "/sandbox/apps", "")
			ask(s, "GET", "/sandbox/", "")
		}
	}()
	for range 100 {
		ask(s, "GET", "/sandbox/oauth/dialog?"+query("client_id", "901", "sandbox_decision", "approve"), "")
		callAPI(t, s, "/users", bearer("dead))"))
	}
	<-done
}
