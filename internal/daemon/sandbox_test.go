package daemon

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/api"
)

// sandboxUser signs in at a server with a sandbox, as a browser and as the
// app. It follows no redirect by itself.
type sandboxUser struct{ overHTTP2 }

func (u sandboxUser) ask(method, address string, form url.Values) (where *url.URL, body string) {
	u.Helper()
	request, err := http.NewRequestWithContext(u.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		u.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	response, err := u.Do(request)
	if err != nil {
		u.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 400 {
		u.Fatalf("%s %s: %d %s, %v", method, request.URL.Path, response.StatusCode, text, err)
	}
	where, _ = response.Location()
	return where, string(text)
}

// TestSandboxBehindACertificateNobodyTrusts: a server calls its own sandbox,
// to redeem codes and to end tokens, without a connection.
func TestSandboxBehindACertificateNobodyTrusts(t *testing.T) {
	inBubble(t, func(o overHTTP2) {
		u := sandboxUser{o}
		u.Jar, _ = cookiejar.New(nil)
		u.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		const origin = "https://localhost"
		var device api.DeviceAuthorization
		_, body := u.ask("POST", origin+api.PathDeviceAuthorization, url.Values{"client_id": {"7"}})
		if err := json.Unmarshal([]byte(body), &device); err != nil {
			t.Fatal(err)
		}
		consent, _ := u.ask("POST", origin+api.PathDevice, url.Values{"user_code": {device.UserCode}, "decision": {"continue"}})
		consent.RawQuery += "&sandbox_decision=approve"
		callback, _ := u.ask("GET", consent.String(), nil)
		if done, _ := u.ask("GET", callback.String(), nil); done.Path != "/device/finished" {
			t.Fatalf("the browser ends at %s", done)
		}
		var token api.AccessToken
		_, body = u.ask("POST", origin+api.PathOAuthToken, url.Values{
			"grant_type": {api.GrantDeviceCode}, "client_id": {"7"}, "device_code": {device.DeviceCode},
		})
		if err := json.Unmarshal([]byte(body), &token); err != nil || token.AccessToken == "" {
			t.Fatalf("%s, %v", body, err)
		}
		u.ask("POST", origin+api.PathRevoke, url.Values{"token": {token.AccessToken}})
	}, func(s *Settings) { s.Sandbox = SandboxOn })
}
