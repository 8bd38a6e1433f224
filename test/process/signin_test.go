//go:build integration

package process_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/scripted"
)

// postForm posts as an app does and decodes the answer.
func (p *process) postForm(path string, form url.Values) (int, map[string]any) {
	p.t.Helper()
	status, _, body, err := p.do("POST", path, form)
	if err != nil {
		p.t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		p.t.Fatalf("%s: %d %s: %v", path, status, body, err)
	}
	return status, answer
}

// device starts a device grant and has a user approve it. The addresses that
// the browser has seen come back too.
func (p *process) device() (deviceCode, userCode string, visited []string) {
	p.t.Helper()
	status, answer := p.postForm("/oauth/device_authorization", url.Values{"client_id": {"7"}, "scope": {"read_inbox"}})
	if status != http.StatusOK {
		p.t.Fatalf("device authorization: %d %v", status, answer)
	}
	browser := scripted.New()
	page, err := browser.Visit(answer["verification_uri_complete"].(string), scripted.Approves)
	if err != nil || !strings.HasSuffix(page.URL.Path, "/device/finished") {
		p.t.Fatalf("sign-in ends at %v: %v", page.URL, err)
	}
	return answer["device_code"].(string), answer["user_code"].(string), browser.Visited
}

func (p *process) pollDevice(deviceCode string) (int, map[string]any) {
	p.t.Helper()
	return p.postForm("/oauth/token", pollForm(deviceCode))
}

func pollForm(deviceCode string) url.Values {
	return url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {"7"}, "device_code": {deviceCode},
	}
}

var codePattern = regexp.MustCompile(`[?&]code=([^&#]+)`)

// TestSignInLeavesNoTrace runs device and code grants and looks for every
// secret of theirs in each byte of the database, before, during and after, in
// metrics and profiles, and in log and audit.
func TestSignInLeavesNoTrace(t *testing.T) {
	folder := t.TempDir()
	p := startObserved(t, "--store", "sqlite:"+filepath.Join(folder, "dss.db"), "--sandbox")
	var secrets []string
	searchAll := func() {
		t.Helper()
		if !p.Ended() {
			p.searchTold([]string{"/metrics", "/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1"}, secrets...)
		}
		for _, secret := range secrets {
			p.search(folder, secret)
		}
	}
	for range 3 {
		deviceCode, userCode, visited := p.device()
		secrets = append(secrets, deviceCode, strings.Split(deviceCode, ".")[0], userCode, strings.ReplaceAll(userCode, "-", ""))
		for _, match := range codePattern.FindAllStringSubmatch(strings.Join(visited, "\n"), -1) {
			code, err := url.QueryUnescape(match[1])
			if err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, code, match[1])
		}
		searchAll()
		status, answer := p.pollDevice(deviceCode)
		if status != http.StatusOK {
			t.Fatalf("poll: %d %v", status, answer)
		}
		secrets = append(secrets, answer["access_token"].(string))
		searchAll()
	}
	code, verifier := p.codeGrant()
	secrets = append(secrets, code, verifier)
	searchAll()
	status, answer := p.exchange(code, verifier)
	if status != http.StatusOK {
		t.Fatalf("exchange: %d %v", status, answer)
	}
	secrets = append(secrets, answer["access_token"].(string))
	p.terminate()
	searchAll()
	if len(secrets) < 20 {
		t.Errorf("only %d secrets were looked for", len(secrets))
	}
	for _, secret := range secrets {
		if strings.Contains(p.Stderr.String(), secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
}

const (
	appRedirectURI = "com.example.app:/callback"
	// The example of RFC 7636 appendix B.
	appVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	appChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// codeGrant signs in up to the app's code.
func (p *process) codeGrant() (code, verifier string) {
	p.t.Helper()
	code, err := authorize(scripted.New(), p.url, "")
	if err != nil {
		p.t.Fatal(err)
	}
	return code, appVerifier
}

// authorize has a user sign in up to the app's code.
func authorize(browser *scripted.Browser, server, state string) (code string, err error) {
	query := url.Values{
		"response_type": {"code"}, "client_id": {"7"}, "redirect_uri": {appRedirectURI}, "state": {state},
		"code_challenge": {appChallenge}, "code_challenge_method": {"S256"},
	}
	// The last redirect leads to the app, where a browser without one fails.
	_, err = browser.Visit(server+"/oauth/authorize?"+query.Encode(), scripted.Approves)
	last := browser.Visited[len(browser.Visited)-1]
	match := codePattern.FindStringSubmatch(last)
	if !strings.HasPrefix(last, appRedirectURI) || match == nil {
		return "", fmt.Errorf("the sign-in ends at %s: %w", last, err)
	}
	return match[1], nil
}

func (p *process) exchange(code, verifier string) (int, map[string]any) {
	p.t.Helper()
	return p.postForm("/oauth/token", exchangeForm(code, verifier))
}

func exchangeForm(code, verifier string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"7"}, "code": {code},
		"redirect_uri": {appRedirectURI}, "code_verifier": {verifier},
	}
}
