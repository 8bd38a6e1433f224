package httpapi_test

import (
	"encoding/json"
	unescape "html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/web/text"
	"github.com/desktop-stack-serv/dss/test/outage"
)

// TestCodeThatHasEnded while its page was open: whatever the user decides leads to a page
// that says so, in each language, with the way to a new code. A code that is typed too
// late is unknown, and may have ended.
func TestCodeThatHasEnded(t *testing.T) {
	ends := map[string]func(v *visitor, device api.DeviceAuthorization){
		"revoked": func(v *visitor, device api.DeviceAuthorization) {
			v.send("POST", "/oauth/revoke", url.Values{"client_id": {"7"}, "token": {device.DeviceCode}}.Encode())
		},
		"expired":  func(*visitor, api.DeviceAuthorization) { time.Sleep(15 * time.Minute) },
		"declined": func(v *visitor, device api.DeviceAuthorization) { v.decide(device, "decline") },
	}
	synctest.Test(t, func(t *testing.T) {
		open := visitors(t, "http://localhost", withOutages(outage.New()))
		for name, end := range ends {
			for _, language := range text.All {
				v, other := open(), open()
				started := v.send("POST", "/oauth/device_authorization", "client_id=7")
				var device api.DeviceAuthorization
				if err := json.NewDecoder(started.Body).Decode(&device); err != nil {
					t.Fatal(err)
				}
				page := "/device?user_code=" + device.UserCode
				if status := v.send("GET", page, "").StatusCode; status != http.StatusOK {
					t.Fatalf("the page: %d", status)
				}
				end(other, device)
				for _, decision := range []string{"continue", "decline"} {
					v.want(name, v.decide(device, decision), "http://localhost/device/over#")
				}
				v.says("/device/over", language, http.StatusOK, "result.over.title", "result.over.what")
				v.says(page, language, http.StatusNotFound, "device.unknown.title", "device.unknown.over")
			}
		}
	})
}

// decide presses a button on the page of a device, and returns where that leads.
func (v *visitor) decide(device api.DeviceAuthorization, decision string) (location string) {
	v.Helper()
	return v.location("POST", "/device", "decision="+decision+"&user_code="+device.UserCode)
}

// says checks what a page says in a language.
func (v *visitor) says(path string, language *text.Language, status int, keys ...string) {
	v.Helper()
	response := v.send("GET", path, "", "Accept-Language", language.Tag)
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		v.Errorf("%s: %s, %v", path, response.Status, err)
	}
	for _, key := range keys {
		sentence, err := language.Plain(key)
		if err != nil || !strings.Contains(unescape.UnescapeString(text.WithoutBreaks(string(body))), sentence) {
			v.Errorf("%s in %s does not say %q: %v", path, language.Tag, sentence, err)
		}
	}
	if !strings.Contains(string(body), `"/device"`) {
		v.Errorf("%s does not lead to a new code", path)
	}
}
