package httpapi_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// visitor is a browser, as far as cookies go.
type visitor struct {
	*testing.T
	handler http.Handler
	origin  string
	cookies map[string]*http.Cookie
}

// visitors returns a maker of new browsers in front of one server.
func visitors(t *testing.T, origin string, configure ...func(*httpapi.Config)) func() *visitor {
	t.Helper()
	public, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	config := httpapi.Config{PublicURL: public, Log: slog.New(slog.DiscardHandler)}
	for _, f := range configure {
		f(&config)
	}
	server, err := httpapi.New(sealed.NewVault(inMemory()), config)
	if err != nil {
		t.Fatal(err)
	}
	handler := server.Handler()
	return func() *visitor { return &visitor{t, handler, origin, map[string]*http.Cookie{}} }
}

// send sends a request with the cookies so far, and keeps those it gets.
func (v *visitor) send(method, path, body string, header ...string) *http.Response {
	v.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = strings.TrimPrefix(strings.TrimPrefix(v.origin, "https://"), "http://")
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	for _, cookie := range v.cookies {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	for _, cookie := range w.Result().Cookies() {
		v.cookies[cookie.Name] = cookie
		if cookie.MaxAge < 0 {
			delete(v.cookies, cookie.Name)
		}
	}
	return w.Result()
}

// location is where a request is answered to go.
func (v *visitor) location(method, path, body string, header ...string) string {
	v.Helper()
	response := v.send(method, path, body, header...)
	if response.StatusCode != http.StatusSeeOther {
		v.Fatalf("%s %s: %s", method, path, response.Status)
	}
	return response.Header.Get("Location")
}

// authorize starts a sign-in and returns its state at Stack Exchange.
func (v *visitor) authorize(appState string) (state string) {
	v.Helper()
	return parameter(v.T, v.location("GET", "/oauth/authorize?"+url.Values{
		"response_type": {"code"}, "client_id": {"7"}, "redirect_uri": {"http://127.0.0.1:1/cb"}, "state": {appState},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}.Encode(), ""), "state")
}

func (v *visitor) callback(state, answer string) (location string) {
	v.Helper()
	return v.location("GET", "/oauth/callback?"+answer+"&state="+state, "")
}

func parameter(t *testing.T, address, name string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Query().Get(name) == "" {
		t.Fatalf("no %s in %s (%v)", name, address, err)
	}
	return u.Query().Get(name)
}

const wrongBrowser = "/problem/wrong_browser#"

// TestCookies: only https has the prefix and Secure. WebKit would drop such
// cookies on a loopback http URL.
func TestCookies(t *testing.T) {
	for _, test := range []struct{ origin, prefix string }{
		{"https://auth.example.org", "__Host-"},
		{"http://localhost:8080", ""},
		{"http://127.0.0.1:8080", ""},
		{"http://[::1]:8080", ""},
	} {
		v := visitors(t, test.origin)()
		v.send("POST", "/auth/redirect", "access_token=T&state=kM3-9c2a7be1d04865")
		state := v.authorize("s")
		if len(v.cookies) != 2 {
			t.Errorf("%s: cookies %v", test.origin, v.cookies)
		}
		for name, cookie := range v.cookies {
			sameSite := http.SameSiteStrictMode
			if flow, ok := strings.CutPrefix(name, test.prefix+"dss-flow-"); ok {
				sameSite = http.SameSiteLaxMode
				if strings.Contains(state, flow) || strings.Contains(cookie.Value, state) {
					t.Errorf("%s tells the state %s", cookie, state)
				}
			} else if name != test.prefix+"dss" {
				t.Errorf("%s: a cookie called %s", test.origin, name)
			}
			if cookie.SameSite != sameSite || !cookie.HttpOnly || cookie.Path != "/" || cookie.Domain != "" ||
				cookie.Secure != (test.prefix != "") {
				t.Errorf("%s: %s", test.origin, cookie)
			}
		}
		if got := v.callback(state, "code=c"); !strings.HasPrefix(got, "http://127.0.0.1:1/cb?code=") {
			t.Errorf("%s: leads to %s", test.origin, got)
		}
	}
}

// TestTwoSignInsAtOnce: no answer, and so no cookie, has come when the second
// begins. Each ends at its app, and again after its answer is lost or the user
// clicks Approve twice.
func TestTwoSignInsAtOnce(t *testing.T) {
	browser := visitors(t, "http://localhost")
	first, second := browser(), browser()
	one, two := first.authorize("one"), second.authorize("two")
	for name, cookie := range second.cookies {
		first.cookies[name] = cookie
	}
	for state, app := range map[string]string{one: "one", two: "two"} {
		want := first.callback(state, "code=c-"+app)
		if parameter(t, want, "state") != app || parameter(t, want, "code") == "" {
			t.Errorf("%s: leads to %s", app, want)
		}
		for _, again := range []string{"code=c-" + app, "code=other", "error=access_denied", "code=c-" + app} {
			if got := first.callback(state, again); got != want {
				t.Errorf("%s: %s leads to %s, want %s", app, again, got, want)
			}
		}
		if got := browser().callback(state, "code=c-"+app); !strings.HasSuffix(got, wrongBrowser) {
			t.Errorf("%s: another browser comes to %s", app, got)
		}
	}
}

// TestEightSignInsAtMost: of the sign-ins that a browser has begun, the last
// eight can end, and what it sends along stays small.
func TestEightSignInsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := visitors(t, "https://auth.example.org")()
		var states []string
		for i := range 20 {
			states = append(states, v.authorize(fmt.Sprint(i)))
			time.Sleep(time.Second)
		}
		size := 0
		for name, cookie := range v.cookies {
			size += len(name) + len(cookie.Value) + len("=; ")
		}
		if len(v.cookies) != 8 || size > 700 {
			t.Errorf("%d cookies of %d bytes", len(v.cookies), size)
		}
		for i, state := range states {
			got := v.callback(state, "code=c")
			if good := strings.HasPrefix(got, "http://127.0.0.1:1/cb?code="); good != (i >= 12) {
				t.Errorf("sign-in %d leads to %s", i, got)
			}
		}
	})
}

// TestTwoClicksOnContinue: both come from the browser that was shown the code,
// whichever of them arrives last.
func TestTwoClicksOnContinue(t *testing.T) {
	v := visitors(t, "http://localhost")()
	userCode := v.device()
	v.send("GET", "/device?user_code="+userCode, "")
	shown := maps.Clone(v.cookies)
	first := v.location("POST", "/device", "decision=continue&user_code="+userCode)
	answered := v.cookies
	v.cookies = shown
	second := v.location("POST", "/device", "decision=continue&user_code="+userCode)
	v.cookies = answered // last of all
	if first != second {
		t.Fatalf("to %s and %s", first, second)
	}
	for range 2 {
		got := v.callback(parameter(t, first, "state"), "code=c")
		if !strings.HasPrefix(got, "http://localhost/device/finished?sign_in=") {
			t.Errorf("leads to %s", got)
		}
	}
}

// TestCVE202627124 is the confused deputy of MCP proxies: a callback that is
// not bound to the browser that consented hands the victim's approval to
// whoever sent the address.
func TestCVE202627124(t *testing.T) {
	browser := visitors(t, "http://localhost")
	attacker, victim := browser(), browser()
	victim.authorize("a sign-in of the victim's own does not help")
	state := attacker.authorize("a")
	if got := victim.callback(state, "code=of-the-victim"); !strings.HasSuffix(got, wrongBrowser) {
		t.Errorf("code grant: the victim comes to %s", got)
	}
	userCode := attacker.device()
	state = parameter(t, attacker.location("POST", "/device", "decision=continue&user_code="+userCode), "state")
	if got := victim.callback(state, "code=of-the-victim"); !strings.HasSuffix(got, wrongBrowser) {
		t.Errorf("device grant: the victim comes to %s", got)
	}
}

// device starts a sign-in on a device and returns its user code.
func (v *visitor) device() (userCode string) {
	v.Helper()
	var answer api.DeviceAuthorization
	response := v.send("POST", "/oauth/device_authorization", "client_id=7")
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		v.Fatal(err)
	}
	return answer.UserCode
}
