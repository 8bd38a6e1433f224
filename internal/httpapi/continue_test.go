package httpapi_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/apps"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
)

const (
	editorTarget   = "vscode://acme.inbox/callback"
	chromiumTarget = "https://aaaabbbbccccddddeeeeffffgggghhhh.chromiumapp.org/"
	firefoxTarget  = "https://0123456789abcdef0123456789abcdef01234567.extensions.allizom.org/cb"
	linkTarget     = "https://app.acme.example/callback"

	targetApps = `
[[app]]
client_id = "7"
name = "Acme Inbox"
author = "Acme GmbH"
redirect_uris = ["` + editorTarget + `", "` + chromiumTarget + `", "` + firefoxTarget + `", "` + linkTarget + `"]

[[app]]
client_id = "8"
name = "Elsewhere"
redirect_uris = ["vscode://else.where/callback"]
`
)

// newTargets is a browser at a server whose list has targets. Stack Exchange knows
// the codes that begin with "live".
func newTargets(t *testing.T) *listing {
	return newListing(t, targetApps, apps.WarnUnknown, func(c *httpapi.Config) { c.StackExchange.Transport = &stackExchange{} })
}

func toTarget(clientID, target, more string) string {
	return "/oauth/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {target}, "state": {"a+b &c"},
		"code_challenge": {aChallenge}, "code_challenge_method": {"S256"},
	}.Encode() + more
}

// upToPage runs a sign-in up to the page that asks, and returns its state and the
// receipt in the address of the page, which holds nothing else of the sign-in.
func (l *listing) upToPage(target, more, code string) (state, receipt string) {
	l.Helper()
	state = parameter(l.T, l.location("GET", toTarget("7", target, more), ""), "state")
	at := l.callback(state, "code="+code)
	receipt, ok := strings.CutPrefix(strings.TrimSuffix(at, "#"), "https://auth.example.org/oauth/continue?sign_in=")
	if !ok || strings.ContainsAny(receipt, "&=") || strings.Contains(at, code) || strings.Contains(at, state) {
		l.Fatalf("the callback leads to %s", at)
	}
	return state, receipt
}

func (l *listing) decide(receipt, decision string, header ...string) (status int, location string) {
	l.Helper()
	status, location, _ = l.answer("POST", "/oauth/continue", "sign_in="+receipt+"&decision="+decision, header...)
	return status, location
}

// ask returns the page of a receipt.
func (l *listing) ask(receipt string) (status int, page string) {
	l.Helper()
	return l.read("/oauth/continue?sign_in=" + receipt)
}

func (l *listing) token(code, target string) string {
	_, _, body := l.answer("POST", "/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"7"}, "code": {code}, "redirect_uri": {target},
		"code_verifier": {"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
	}.Encode())
	return body
}

var tags = regexp.MustCompile(`<[^>]*>`)

// TestTargetAsksFirst: the page names the app and what it opens, its form may lead
// there and nowhere else, and the code leaves by a click only.
func TestTargetAsksFirst(t *testing.T) {
	for _, test := range []struct{ target, source, words string }{
		{editorTarget, "vscode:", "opens VS Code, extension acme.inbox"},
		{chromiumTarget, strings.TrimSuffix(chromiumTarget, "/"), "opens this browser’s extension aaaabbbbccccddddeeeeffffgggghhhh"},
		{firefoxTarget, strings.TrimSuffix(firefoxTarget, "/cb"), "opens this browser’s extension 0123456789abcdef0123456789abcdef01234567"},
		{linkTarget, "https://app.acme.example", "opens the app for links to app.acme.example"},
	} {
		for _, direct := range []bool{false, true} {
			l, more := newTargets(t), ""
			if direct {
				more = "&dss_redeem=direct"
			}
			state, receipt := l.upToPage(test.target, more, "live1")
			response := l.send("GET", "/oauth/continue?sign_in="+receipt, "")
			policy := response.Header.Get("Content-Security-Policy")
			if !strings.Contains(policy, "; form-action 'self' "+test.source+"; ") {
				t.Errorf("%s: the policy is %s", test.target, policy)
			}
			status, page := l.ask(receipt)
			plain := strings.ReplaceAll(tags.ReplaceAllString(page, ""), "\u00a0", " ")
			if status != 200 || !strings.Contains(plain, test.words) || !strings.Contains(plain, "Continue to Acme Inbox") ||
				!strings.Contains(plain, "Acme GmbH") || strings.Contains(page, "live1") || strings.Contains(page, "code=") || strings.Contains(page, state) {
				t.Errorf("%s: %d %s", test.target, status, page)
			}
			var target string
			for range 2 {
				if status, target = l.decide(receipt, "continue"); status != http.StatusSeeOther ||
					!strings.HasPrefix(target, test.target+"?code=") || !strings.HasSuffix(target, "&iss=https%3A%2F%2Fauth.example.org&state=a%2Bb+%26c#") {
					t.Fatalf("%s: %d to %s", test.target, status, target)
				}
			}
			code := parameter(t, target, "code")
			if direct {
				if code != "live1" {
					t.Errorf("%s: the code is %s", test.target, code)
				}
				continue
			}
			if answer := l.token(code, linkTarget+"/"); !strings.Contains(answer, "redirect_uri is not the one") {
				t.Errorf("%s: with another redirect URI: %s", test.target, answer)
			}
			if answer := l.token(code, test.target); !strings.Contains(answer, `"access_token":"T"`) {
				t.Errorf("%s: %s", test.target, answer)
			}
			if _, page := l.ask(receipt); !strings.Contains(page, "Done, <bdi>Acme Inbox</bdi> has it") {
				t.Errorf("%s: in the end: %s", test.target, page)
			}
			if status, location := l.decide(receipt, "continue"); status != 303 || strings.Contains(location, "code=") {
				t.Errorf("%s: too late: %d to %s", test.target, status, location)
			}
		}
	}
}

// TestStoppedTarget: after "I didn't start this" no code comes out any more, not even
// by another approval, and the page has a link that lets the app know.
func TestStoppedTarget(t *testing.T) {
	l := newTargets(t)
	state, receipt := l.upToPage(editorTarget, "", "live1")
	_, delivered := l.decide(receipt, "continue")
	for range 2 {
		if status, location := l.decide(receipt, "stop"); status != 303 || location != "https://auth.example.org/oauth/continue?sign_in="+receipt+"#" {
			t.Fatalf("stop: %d to %s", status, location)
		}
	}
	if answer := l.token(parameter(t, delivered, "code"), editorTarget); !strings.Contains(answer, "the user stopped the sign-in") {
		t.Errorf("the code is good for %s", answer)
	}
	if at := l.callback(state, "code=live2"); !strings.Contains(at, "/oauth/continue?") {
		t.Errorf("another approval leads to %s", at)
	}
	if status, location := l.decide(receipt, "continue"); status != 303 || strings.Contains(location, "vscode:") {
		t.Errorf("a second thought: %d to %s", status, location)
	}
	status, page := l.ask(receipt)
	link := editorTarget + "?error=access_denied&error_description=the+user+stopped+the+sign-in&iss=https%3A%2F%2Fauth.example.org&state=a%2Bb+%26c#"
	if status != 200 || !strings.Contains(page, "<title>Good that you stopped.<") || !strings.Contains(page, `href="`+link+`"`) ||
		!strings.Contains(page, "https://stackexchange.com/users/current?tab=apps") || strings.Contains(page, "decision") {
		t.Errorf("%d %s", status, page)
	}
	if policy := l.send("GET", "/oauth/continue?sign_in="+receipt, "").Header.Get("Content-Security-Policy"); strings.Contains(policy, "vscode") {
		t.Errorf("the policy is %s", policy)
	}
	_, receipt = l.upToPage(linkTarget, "&dss_redeem=direct", "live3")
	if _, page := l.ask(receipt); !strings.Contains(page, `value="stop"`) {
		t.Errorf("the next sign-in does not ask: %s", page)
	}
	l.decide(receipt, "stop")
	if _, page := l.ask(receipt); !strings.Contains(page, "If you pressed the other button before") {
		t.Errorf("with direct redemption, the page says %s", page)
	}
}

// TestTargetIsOfItsBrowser: nobody else sees the page or gets the code, and no site
// posts its form.
func TestTargetIsOfItsBrowser(t *testing.T) {
	l := newTargets(t)
	_, receipt := l.upToPage(editorTarget, "", "live1")
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
		{"Sec-Fetch-Site", "same-site", "Origin", "https://evil.auth.example.org"},
		{"Sec-Fetch-Site", "", "Origin", "null"},
	} {
		if status, location := l.decide(receipt, "continue", header...); status != http.StatusForbidden || location != "" {
			t.Errorf("%s: %d to %s", header, status, location)
		}
	}
	for body, want := range map[string]int{
		"sign_in=" + receipt: 400, "sign_in=" + receipt + "&decision=finish": 400, "decision=continue": 403,
		"sign_in=" + receipt[:len(receipt)-1] + "&decision=continue": 403, "sign_in=x&decision=stop": 403,
		"sign_in=" + receipt + "&sign_in=x&decision=continue": 400,
	} {
		if status, location, _ := l.answer("POST", "/oauth/continue", body); status != want || strings.Contains(location, "vscode:") {
			t.Errorf("%s: %d to %s, not %d", body, status, location, want)
		}
	}
	if status, location, _ := l.answer("POST", "/oauth/continue?sign_in="+receipt, "decision=continue"); status != 400 || location != "" {
		t.Errorf("the receipt in the query: %d to %s", status, location)
	}
	own := l.cookies
	l.cookies = map[string]*http.Cookie{}
	for _, decision := range []string{"continue", "stop"} {
		if status, location := l.decide(receipt, decision); status != http.StatusForbidden || location != "" {
			t.Errorf("another browser can %s: %d to %s", decision, status, location)
		}
	}
	if status, page := l.ask(receipt); status != http.StatusForbidden || strings.Contains(page, "Acme Inbox") {
		t.Errorf("another browser sees %d %s", status, page)
	}
	l.cookies = own
	for _, address := range []string{"/oauth/continue", "/oauth/continue?sign_in=", "/oauth/continue?sign_in=x.y", "/oauth/continue?state=" + receipt} {
		if status, _ := l.read(address); status != http.StatusForbidden {
			t.Errorf("%s: %d", address, status)
		}
	}
	if status, _, _ := l.answer("GET", "/oauth/continue?sign_in="+receipt, "", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"); status != http.StatusForbidden {
		t.Errorf("as a picture: %d", status)
	}
	if _, location := l.decide(receipt, "continue"); !strings.HasPrefix(location, editorTarget+"?code=") {
		t.Errorf("its own browser is sent to %s", location)
	}
}

// TestTargetThatIsListedNoMore: nothing goes there, at any step.
func TestTargetThatIsListedNoMore(t *testing.T) {
	l := newTargets(t)
	pending := parameter(t, l.location("GET", toTarget("7", linkTarget, ""), ""), "state")
	denied := parameter(t, l.location("GET", toTarget("7", linkTarget, ""), ""), "state")
	_, asked := l.upToPage(linkTarget, "", "live1")
	l.use(t, strings.Replace(targetApps, `, "`+linkTarget, `, "`+linkTarget+`2`, 1))
	for state, answer := range map[string]string{pending: "code=live2", denied: "error=access_denied"} {
		if at := l.callback(state, answer); !strings.HasSuffix(at, "/problem/bad_redirect_uri#") {
			t.Errorf("%s leads to %s", answer, at)
		}
	}
	if status, location := l.decide(asked, "continue"); status != 400 || location != "" {
		t.Errorf("a click: %d to %s", status, location)
	}
	if status, page := l.ask(asked); status != 400 || strings.Contains(page, linkTarget) {
		t.Errorf("the page is %d %s", status, page)
	}

	l.use(t, targetApps)
	if _, location := l.decide(asked, "continue"); !strings.HasPrefix(location, linkTarget+"?code=") {
		t.Errorf("listed again, it leads to %s", location)
	}
}

// TestErrorsOfTargets go to the app at once: they hold nothing of the user.
func TestErrorsOfTargets(t *testing.T) {
	l := newTargets(t)
	if at := l.location("GET", toTarget("7", editorTarget, "&scope=%22"), ""); !strings.HasPrefix(at, editorTarget+"?error=invalid_scope&") ||
		!strings.HasSuffix(at, "state=a%2Bb+%26c#") {
		t.Errorf("a bad scope leads to %s", at)
	}
	state := parameter(t, l.location("GET", toTarget("7", editorTarget, ""), ""), "state")
	if at := l.callback(state, "error=access_denied&error_description=no"); !strings.HasPrefix(at, editorTarget+"?error=access_denied&error_description=no&") {
		t.Errorf("a no leads to %s", at)
	}
	if at := l.callback(state, "code=live1"); !strings.Contains(at, "/oauth/continue?") {
		t.Errorf("a yes after it leads to %s", at)
	}
}

// TestHostileRedirectURIs: with a list that names what they look like, they get a
// page. So does a target of another client, or in another form.
func TestHostileRedirectURIs(t *testing.T) {
	type request struct{ client, uri string }
	requests := []request{
		{"8", editorTarget}, {"9", editorTarget}, {"7", "vscode://else.where/callback"}, {"", editorTarget},
		{"7", editorTarget + "/"}, {"7", editorTarget + "/more"}, {"7", "vscode://acme.inbox/"}, {"7", "vscode://acme.inbox/callbac"},
		{"7", "vscode-insiders://acme.inbox/callback"}, {"7", chromiumTarget + "cb"}, {"7", linkTarget + "/"}, {"7", "http" + linkTarget[5:]},
		{"7", editorTarget + "%00"}, {"7", linkTarget + "," + editorTarget},
	}
	for _, uri := range hostileURIs(t) {
		requests = append(requests, request{"7", uri})
	}
	l := newTargets(t)
	for _, r := range requests {
		for _, more := range []string{"", "&scope=%22", "&dss_redeem=direct"} {
			status, location, page := l.answer("GET", toTarget(r.client, r.uri, more), "")
			if status != http.StatusBadRequest || location != "" || len(l.cookies) > 0 || !strings.Contains(page, "<h1") {
				t.Errorf("%q of %s: %d to %q", r.uri, r.client, status, location)
			}
		}
	}
	for _, uri := range []string{"http://127.0.0.1/mozoauth2/0123456789abcdef0123456789abcdef01234567", "http://127.0.0.1/mozoauth2/0123456789abcdef0123456789abcdef01234567/cb"} {
		state := parameter(t, l.location("GET", toTarget("9", uri, ""), ""), "state")
		if at := l.callback(state, "code=live1"); !strings.HasPrefix(at, uri+"?code=") {
			t.Errorf("Firefox's loopback address leads to %s", at)
		}
	}
}

// hostileURIs are those that no list may name.
func hostileURIs(t *testing.T) (uris []string) {
	t.Helper()
	file, err := os.Open("../apps/testdata/hostile.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if uri, err := strconv.Unquote(lines.Text()); err == nil {
			uris = append(uris, uri)
		}
	}
	if len(uris) < 60 {
		t.Fatal(fmt.Sprint("there are only ", len(uris)))
	}
	return uris
}
