package httpapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/limit"
)

// stackExchange knows the codes and the tokens that begin with "live", and
// notes when it is called.
type stackExchange struct {
	mu    sync.Mutex
	calls []time.Time
}

// RoundTrip implements [http.RoundTripper].
func (u *stackExchange) RoundTrip(r *http.Request) (*http.Response, error) {
	u.mu.Lock()
	u.calls = append(u.calls, time.Now())
	u.mu.Unlock()
	status, body := http.StatusOK, `{"items":[]}`
	if r.Method == http.MethodPost {
		form, _ := io.ReadAll(r.Body)
		values, _ := url.ParseQuery(string(form))
		status, body = http.StatusBadRequest, `{"error":{"type":"invalid_request","message":"No authorization code found"}}`
		if strings.HasPrefix(values.Get("code"), "live") {
			status, body = http.StatusOK, `{"access_token":"T"}`
		}
	} else if strings.HasPrefix(r.Header.Get("Authorization"), "Bearer live") {
		body = `{"items":[{"access_token":"T"}]}`
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// called is how often it was called in all, and in the busiest second.
func (u *stackExchange) called() (all, busiest int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, from := range u.calls {
		n := 0
		for _, at := range u.calls[i:] {
			if at.Sub(from) < time.Second {
				n++
			}
		}
		busiest = max(busiest, n)
	}
	return len(u.calls), busiest
}

// signIn runs the code grant from an address up to the token. The browser
// comes back with a code of Stack Exchange's, or one that it has made up.
func (l limited) signIn(address, upstreamCode string) (status int, body string) {
	l.Helper()
	w := l.upToToken(address, upstreamCode)()
	return w.Code, w.Body.String()
}

// upToToken runs the code grant up to the app's request for its token.
func (l limited) upToToken(address, upstreamCode string) (exchange func() *httptest.ResponseRecorder) {
	l.Helper()
	w := l.from(address, "/oauth/authorize?response_type=code&client_id=7&redirect_uri=http%3A%2F%2F127.0.0.1%3A5000%2F"+
		"&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "")
	back, _ := url.Parse(l.comeBack(address, w, url.Values{"code": {upstreamCode}}).Header().Get("Location"))
	form := "grant_type=authorization_code&client_id=7&code=" + back.Query().Get("code") +
		"&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	return func() *httptest.ResponseRecorder { return l.from(address, "/oauth/token", form) }
}

// deviceUpToToken does so with a device.
func (l limited) deviceUpToToken(address, upstreamCode string) (poll func() *httptest.ResponseRecorder) {
	l.Helper()
	var device api.DeviceAuthorization
	if err := json.Unmarshal(l.from(address, "/oauth/device_authorization", "client_id=7").Body.Bytes(), &device); err != nil {
		l.Fatal(err)
	}
	w := l.from(address, "/device", "decision=continue&user_code="+device.UserCode)
	l.comeBack(address, w, url.Values{"code": {upstreamCode}})
	form := "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&client_id=7&device_code=" + device.DeviceCode
	return func() *httptest.ResponseRecorder { return l.from(address, "/oauth/token", form) }
}

// TestInventedCodes: Stack Exchange sees few of the codes that one client makes
// up, in no second more than 20 of all, and those of others go through.
func TestInventedCodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &stackExchange{}
		l := newLimited(t, inMemory(), defaults(), "", u)
		answers := map[int]int{}
		var mu sync.Mutex
		var group sync.WaitGroup
		for i := range 300 {
			group.Go(func() {
				status, _ := l.signIn(alice, fmt.Sprint("invented", i))
				mu.Lock()
				defer mu.Unlock()
				answers[status]++
			})
		}
		synctest.Wait()
		if status, body := l.signIn(bob, "live"); status != http.StatusOK {
			t.Errorf("meanwhile, somebody else: %d %s", status, body)
		}
		group.Wait()
		if all, busiest := u.called(); all > 31 || busiest > 20 {
			t.Errorf("Stack Exchange was called %d times, and %d in a second", all, busiest)
		}
		// Some have to leave the line, others are refused when their turn has come.
		refused := answers[http.StatusServiceUnavailable] + answers[http.StatusTooManyRequests]
		if answers[http.StatusBadRequest] != 30 || refused != 270 {
			t.Errorf("answers: %v", answers)
		}
		status, body := l.signIn(alice, "live")
		if status != http.StatusTooManyRequests || !strings.Contains(body, `"temporarily_unavailable"`) {
			t.Errorf("one more: %d %s", status, body)
		}
		time.Sleep(time.Minute)
		if status, body := l.signIn(alice, "live"); status != http.StatusOK {
			t.Errorf("a minute later: %d %s", status, body)
		}
	})
}

// TestOfficeAtOnce: many sign-ins from one address are no matter, as long as
// Stack Exchange takes their codes.
func TestOfficeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, inMemory(), defaults(), "", &stackExchange{})
		var group sync.WaitGroup
		for i := range 100 {
			group.Go(func() {
				if status, body := l.signIn(alice, fmt.Sprint("live", i)); status != http.StatusOK {
					t.Errorf("sign-in %d: %d %s", i, status, body)
				}
			})
		}
		group.Wait()
	})
}

// TestRevocationsOfFew: tokens that cause no call cost nothing, what is known
// costs nothing, and clients that use up their own share use up nobody else's.
func TestRevocationsOfFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &stackExchange{}
		l := newLimited(t, inMemory(), defaults(), "", u)
		revoke := func(address, token string) int {
			return l.from(address, "/oauth/revoke", url.Values{"token": {token}}.Encode()).Code
		}
		clients := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
		for i := range 100 {
			for _, strange := range []string{"/", "..", "a?b", "a#b", "a b", "a%29", "ü", strings.Repeat("a", 4097)} {
				if status := revoke(clients[i%3], strange); status != http.StatusOK {
					t.Fatalf("%.10q: %d", strange, status)
				}
			}
		}
		if all, _ := u.called(); all != 0 {
			t.Fatalf("Stack Exchange was called %d times", all)
		}
		for i := range 100 {
			if status := revoke(clients[0], fmt.Sprint("live", i)); status != http.StatusOK {
				t.Fatalf("live token %d: %d", i, status)
			}
		}
		refused := 0
		for i := range 300 {
			if revoke(clients[i%3], fmt.Sprint("invented", i)) == http.StatusTooManyRequests {
				refused++
			}
		}
		if refused < 200 || refused > 210 { // some places come back meanwhile
			t.Errorf("%d of 300 invented tokens were refused", refused)
		}
		if status := revoke(clients[0], "live"); status != http.StatusTooManyRequests {
			t.Errorf("a client that has used up its share: %d", status)
		}
		if status := revoke(clients[0], ".."); status != http.StatusOK {
			t.Errorf("a token of it that causes no call: %d", status)
		}
		for _, token := range []string{"live", "unknown"} {
			if status := revoke(alice, token); status != http.StatusOK {
				t.Errorf("a %s token of somebody else: %d", token, status)
			}
		}
		if _, busiest := u.called(); busiest > 20 {
			t.Errorf("Stack Exchange was called %d times in a second", busiest)
		}
	})
}

// TestUserCodesOfMany: 101 addresses of wrong guesses leave the page open to
// whoever has a right code.
func TestUserCodesOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, inMemory(), defaults(), "")
		userCode := func() string {
			_, rest, _ := strings.Cut(l.from(alice, "/oauth/device_authorization", "client_id=1").Body.String(), `"user_code":"`)
			code, _, _ := strings.Cut(rest, `"`)
			return code
		}
		code, other := userCode(), userCode()
		wrong := map[int]int{}
		for i := range 101 {
			for range 60 {
				wrong[l.from(fmt.Sprintf("192.0.2.%d", i), "/device?user_code=BCDF-GHJK", "").Code]++
			}
		}
		if wrong[http.StatusNotFound] != 6000 || wrong[http.StatusTooManyRequests] != 60 {
			t.Errorf("answers to wrong codes: %v", wrong)
		}
		if w := l.from(bob, "/device?user_code=BCDF-GHJK", ""); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
			t.Errorf("a wrong code: %d", w.Code)
		}
		for _, request := range [][2]string{
			{"/device?user_code=" + code, ""}, {"/device", "user_code=" + other + "&decision=decline"},
			{"/device", "user_code=" + code + "&decision=continue"},
		} {
			if w := l.from(bob, request[0], request[1]); w.Code != http.StatusOK && w.Code != http.StatusSeeOther {
				t.Errorf("%v: %d", request, w.Code)
			}
			if w := l.from("192.0.2.7", request[0], request[1]); w.Code != http.StatusTooManyRequests {
				t.Errorf("%v of a client that has used up its guesses: %d", request, w.Code)
			}
		}
	})
}

// TestUnknownKeysOfMany: so with keys.
func TestUnknownKeysOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := &limit.Config{UnknownKeys: limit.Limit{
			Client: limit.Rate{N: 5, Per: time.Hour}, Total: limit.Rate{N: 20, Per: time.Hour},
		}}
		l := newLimited(t, inMemory(), limits, "")
		key := func(i int) string { return fmt.Sprintf("kM3-9c2a7be1d0%06d", i) }
		for i := range 30 {
			l.from(fmt.Sprintf("192.0.2.%d", i), "/auth/token?key="+key(i), "")
		}
		if w := l.from(bob, "/auth/token?key="+key(100), ""); w.Code != http.StatusTooManyRequests {
			t.Errorf("a wrong key: %d", w.Code)
		}
		if w := l.from(bob, "/auth/token?key="+key(100), ""); w.Code != http.StatusNotFound {
			t.Errorf("the same again, which has been paid for: %d", w.Code)
		}
		waited := make(chan int)
		go func() { waited <- l.from(bob, "/auth/token?wait=60&key="+key(101), "").Code }()
		synctest.Wait()
		for _, i := range []int{101, 102} {
			if w := l.from(alice, "/auth/redirect", "state="+key(i)+"&access_token=T"); w.Code != http.StatusNoContent {
				t.Fatalf("a deposit: %d", w.Code)
			}
		}
		if status := <-waited; status != http.StatusOK {
			t.Errorf("an app that waits: %d", status)
		}
		if w := l.from(bob, "/auth/token?key="+key(102), ""); w.Code != http.StatusOK {
			t.Errorf("a right key: %d", w.Code)
		}
	})
}

// TestReasonsInTheLog: the line of a request says what was wrong with a code,
// and what Stack Exchange or the network has said, and no more than that.
func TestReasonsInTheLog(t *testing.T) {
	fails := roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	})
	for name, tt := range map[string]struct {
		upstream http.RoundTripper
		code     string // Stack Exchange's; "": the app makes one up
		want     string
	}{
		"made up": {&stackExchange{}, "", `status=400 error=invalid_grant reason=unknown_code`},
		"refused": {&stackExchange{}, "CANARY", `status=400 error=invalid_grant ` +
			`reason="refused_code: refused by stack exchange: invalid_request: No authorization code found"`},
		"away": {fails, "CANARY", `status=503 error=temporarily_unavailable ` +
			`reason="no answer from Stack Exchange; try again: redeem a code: dial: connection refused: nothing was sent: stack exchange is unavailable"`},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLimited(t, inMemory(), nil, "", tt.upstream)
			if tt.code != "" {
				l.signIn(alice, tt.code)
			} else {
				l.from(alice, "/oauth/token", "grant_type=authorization_code&client_id=7&code=CANARY&code_verifier=CANARY")
			}
			log := regexp.MustCompile(` duration=\S+`).ReplaceAllString(l.log.String(), "")
			if !strings.Contains(log, `route="POST /oauth/token" `+tt.want) || strings.Contains(log, "CANARY") {
				t.Errorf("log:\n%s", log)
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestClientsTakeTurns: a client with many calls to Stack Exchange waits for
// itself, even without limits.
func TestClientsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, inMemory(), nil, "", &stackExchange{})
		answers := map[int]int{}
		var mu sync.Mutex
		var flood sync.WaitGroup
		for i := range 300 {
			flood.Go(func() {
				w := l.from(alice, "/oauth/revoke", fmt.Sprint("token=invented", i))
				mu.Lock()
				defer mu.Unlock()
				answers[w.Code]++
			})
		}
		synctest.Wait()
		began := time.Now()
		if status, body := l.signIn(bob, "live"); status != http.StatusOK || time.Since(began) > 200*time.Millisecond {
			t.Errorf("somebody else: %d %s after %v", status, body, time.Since(began))
		}
		flood.Wait()
		if answers[http.StatusOK] != 100 || answers[http.StatusServiceUnavailable] != 200 {
			t.Errorf("answers: %v", answers)
		}
	})
}

// TestStackExchangeWantsAPause: apps hear how long it lasts, devices that they
// are to slow down, and grants stay usable.
func TestStackExchangeWantsAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &stackExchange{}
		paused := false
		l := newLimited(t, inMemory(), defaults(), "", roundTrip(func(r *http.Request) (*http.Response, error) {
			answer, err := u.RoundTrip(r)
			if !paused {
				paused = true
				answer.Header.Set("Retry-After", "120")
				answer.StatusCode = http.StatusTooManyRequests
			}
			return answer, err
		}))
		if status, _ := l.signIn(alice, "live"); status != http.StatusServiceUnavailable {
			t.Errorf("the first: %d", status)
		}
		exchange := l.upToToken(bob, "live")
		w := exchange()
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "120" {
			t.Errorf("in the pause: %d %s, Retry-After %s", w.Code, w.Body, w.Header().Get("Retry-After"))
		}
		device := l.deviceUpToToken(bob, "live")
		if w := device(); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"slow_down"`) {
			t.Errorf("a device in the pause: %d %s", w.Code, w.Body)
		}
		if all, _ := u.called(); all != 1 {
			t.Errorf("%d calls", all)
		}
		time.Sleep(2 * time.Minute)
		for name, again := range map[string]func() *httptest.ResponseRecorder{"code": exchange, "device": device} {
			if w := again(); w.Code != http.StatusOK {
				t.Errorf("%s after the pause: %d %s", name, w.Code, w.Body)
			}
		}
	})
}
