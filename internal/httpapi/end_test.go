package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/internal/web/text"
	"github.com/desktop-stack-serv/dss/test/outage"
)

// result asks for the result at an address, as the page's script does.
func (v *visitor) result(address string) string {
	v.Helper()
	response := v.send("GET", strings.TrimSuffix(strings.TrimPrefix(address, v.origin), "#"), "", "Accept", "application/json", "Sec-Fetch-Site", "same-origin")
	var body struct {
		Result    string `json:"result"`
		ErrorName string `json:"error_name"`
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		return response.Status
	}
	return body.Result + body.ErrorName
}

func (v *visitor) want(what, got, want string) {
	v.Helper()
	if got != want {
		v.Errorf("%s: %s, want %s", what, got, want)
	}
}

// withOutages has the server call a Stack Exchange that can fail.
func withOutages(fake *outage.Sandbox) func(*httpapi.Config) {
	return func(config *httpapi.Config) {
		base := config.PublicURL.JoinPath("sandbox")
		config.StackExchange = stackexchange.Config{BaseURL: base, APIURL: base.JoinPath("2.3"), Transport: fake, Local: true}
	}
}

// TestResultGoesOn through all that a page says of a deposit, with and without a claim.
func TestResultGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := visitors(t, "https://auth.example.org")()
		for _, claimed := range []bool{true, false} {
			deposited := v.send("POST", "/auth/redirect", "code=C&state=kM3-9c2a7be1d04865")
			address := deposited.Header.Get("Location")
			v.want("at first", v.result(address), "waiting")
			time.Sleep(19 * time.Second)
			v.want("after 19 s", v.result(address), "waiting")
			time.Sleep(time.Second)
			v.want("after 20 s", v.result(address), "late")
			if claimed {
				v.send("GET", "/auth/token?key=kM3-9c2a7be1d04865", "")
				v.want("claimed", v.result(address), "finished")
				continue
			}
			time.Sleep(15 * time.Minute)
			v.want("in the end", v.result(address), "expired")
		}
	})
}

// TestResultOfAnotherBrowser: each browser follows its own sign-ins alone.
func TestResultOfAnotherBrowser(t *testing.T) {
	open := visitors(t, "https://auth.example.org")
	mine, other := open(), open()
	address := mine.send("POST", "/auth/redirect", "code=C&state=kM3-9c2a7be1d04865").Header.Get("Location")
	others := other.send("POST", "/auth/redirect", "code=D&state=kM3-9c2a7be1d04866").Header.Get("Location")
	mine.want("mine", mine.result(address), "waiting")
	mine.want("another's", mine.result(others), "wrong_browser")
	other.want("another's", other.result(address), "wrong_browser")
	forged := strings.Replace(address, "sign_in=", "sign_in=B", 1)
	mine.want("forged", mine.result(forged), "wrong_browser")
	if n := len(other.cookies); n != 1 {
		t.Errorf("%d cookies", n)
	}
}

// TestResultOfADevice: "done" only when the device has its token, and a button to stop
// it until then.
func TestResultOfADevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := outage.New()
		open := visitors(t, "http://localhost", withOutages(fake))
		for _, stopped := range []bool{false, true} {
			v := open()
			address, device := v.approveDevice(fake)
			v.want("at first", v.result(address), "waiting")
			time.Sleep(20 * time.Second)
			v.want("after 20 s", v.result(address), "late")
			open().want("in another browser", open().result(address), "403 Forbidden")
			if stopped {
				receipt := parameter(t, address, "sign_in")
				stopped := v.location("POST", "/device/finished", "decision=cancel&sign_in="+receipt)
				v.want("stopped", stopped, "http://localhost/device/unused#")
				v.want("stopped", v.result(address), "unused")
			}
			status, want := http.StatusOK, "finished"
			if stopped {
				status, want = http.StatusBadRequest, "unused"
			}
			if response := v.send("POST", "/oauth/token", device); response.StatusCode != status {
				t.Errorf("the device gets %s", response.Status)
			}
			v.want("then", v.result(address), want)
		}
	})
}

// approveDevice runs a device's sign-in up to the approval. It returns where that
// leads, and what the device polls with.
func (v *visitor) approveDevice(fake *outage.Sandbox) (address, poll string) {
	v.Helper()
	var device struct {
		DeviceCode string `json:"device_code"`
		UserCode   string `json:"user_code"`
	}
	started := v.send("POST", "/oauth/device_authorization", "client_id=7")
	if err := json.NewDecoder(started.Body).Decode(&device); err != nil {
		v.Fatal(err)
	}
	consent := strings.TrimSuffix(v.location("POST", "/device", "decision=continue&user_code="+device.UserCode), "#")
	asked, err := http.NewRequest("GET", consent+"&sandbox_decision=approve", nil)
	if err != nil {
		v.Fatal(err)
	}
	response, err := fake.RoundTrip(asked)
	if err != nil {
		v.Fatal(err)
	}
	back, err := response.Location()
	if err != nil {
		v.Fatal(err)
	}
	return v.location("GET", back.RequestURI(), ""),
		"grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=7&device_code=" + device.DeviceCode
}

// TestCancelEndsTheAccess in a bounded time, whatever Stack Exchange does, and tells
// the app at once.
func TestCancelEndsTheAccess(t *testing.T) {
	for _, row := range []struct {
		fault outage.Fault
		token string
		want  string
	}{
		{outage.Fault{}, "T", "/auth/result/ended"},
		{outage.Fault{Kind: outage.Status, Status: 500}, "T", "/auth/result/unended"},
		{outage.Fault{Kind: outage.Garbage}, "T", "/auth/result/unended"},
		{outage.Fault{Kind: outage.Hang}, "T", "/auth/result/unended"},
		{outage.Fault{}, "not/one/of/theirs", "/auth/result/unended"},
	} {
		synctest.Test(t, func(t *testing.T) {
			fake := outage.New()
			fake.SetFault(outage.ClassAPI, row.fault)
			open := visitors(t, "https://auth.example.org", withOutages(fake))
			answered := make(chan string)
			began := time.Now()
			go func() {
				form := "access_token=" + row.token + "&state=kM3-9c2a7be1d04865&decision=cancel"
				answered <- open().send("POST", "/auth/redirect", form).Header.Get("Location")
			}()
			synctest.Wait()
			claimed := open().send("GET", "/auth/token?key=kM3-9c2a7be1d04865", "")
			if claimed.StatusCode != http.StatusForbidden {
				t.Errorf("%+v: the app gets %s", row, claimed.Status)
			}
			if got := <-answered; got != row.want {
				t.Errorf("%+v: the user gets %s", row, got)
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("%+v: it took %s", row, took)
			}
		})
	}
}

// kindsOfRefusal are errors of Stack Exchange, with the result whose page follows, and
// the text that is its headline.
var kindsOfRefusal = map[string]struct{ result, headline string }{
	"access_denied":           {"refused", "result.refused.title"},
	"server_error":            {"trouble", "result.trouble.title"},
	"temporarily_unavailable": {"trouble", "result.trouble.title"},
	"invalid_request":         {"turned_away", "result.turned_away.title.unknown"},
	"invalid_scope":           {"turned_away", "result.turned_away.title.unknown"},
	"unauthorized_client":     {"turned_away", "result.turned_away.title.unknown"},
	"Access_Denied":           {"turned_away", "result.turned_away.title.unknown"},
	"something_of_theirs":     {"turned_away", "result.turned_away.title.unknown"},
}

// TestKindsOfRefusal: pages say that the user said no only if the user did, before and
// after the app is told, in every language.
func TestKindsOfRefusal(t *testing.T) {
	open := visitors(t, "http://localhost")
	for name, kind := range kindsOfRefusal {
		response := "error=" + name + "&state=kM3-9c2a7be1d04865"
		deposited := open().send("POST", "/auth/redirect", response, "Accept", "application/json")
		if got, want := deposited.Header.Get("Location"), "/auth/result/"+kind.result; got != want {
			t.Errorf("%s at the relay: %s, want %s", name, got, want)
		}
		if got, want := open().refuseDevice(name), "http://localhost/device/"+kind.result+"#"; got != want {
			t.Errorf("%s for a device: %s, want %s", name, got, want)
		}
		service := []any{"service", "Stack Overflow"}
		if kind.result == "refused" {
			service = nil // the headline does not name it
		}
		for _, language := range text.All {
			headline, err := language.Plain(kind.headline, service...)
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{"/auth/redirect?" + response, "/auth/result/" + kind.result, "/device/" + kind.result} {
				page, err := io.ReadAll(open().send("GET", path, "", "Accept-Language", language.Tag).Body)
				if err != nil || strings.Count(string(page), "<title>"+headline+"</title>") != 1 {
					t.Errorf("%s in %s is not called %q: %v\n%s", path, language.Tag, headline, err, page)
				}
				if saysNo := strings.Contains(string(page), "You said no"); saysNo != (kind.result == "refused") && language == text.English {
					t.Errorf("%s: the user said no: %t", path, saysNo)
				}
			}
		}
	}
}

// refuseDevice runs a device's sign-in up to an error of Stack Exchange, and returns
// where that leads.
func (v *visitor) refuseDevice(name string) string {
	v.Helper()
	var device struct {
		UserCode string `json:"user_code"`
	}
	if err := json.NewDecoder(v.send("POST", "/oauth/device_authorization", "client_id=7").Body).Decode(&device); err != nil {
		v.Fatal(err)
	}
	consent := v.location("POST", "/device", "decision=continue&user_code="+device.UserCode)
	return v.callback(parameter(v.T, consent, "state"), "error="+name)
}
