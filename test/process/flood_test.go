//go:build integration

package process_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/scripted"
	"github.com/desktop-stack-serv/dss/test/program"
)

// visitor is a client behind the proxy that the tests play.
type visitor struct {
	p    *process
	from string
	host string // if it is the wrong one
}

// send sends a request and returns status, headers and body.
func (v visitor) send(
	ctx context.Context, method, path string, form url.Values, header ...string,
) (int, http.Header, string, error) {
	r, err := http.NewRequestWithContext(ctx, method, v.p.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, "", err
	}
	r.Host = v.host
	r.Header.Set("X-Forwarded-For", v.from)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := v.p.client.Do(r)
	if err != nil {
		return 0, nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, string(body), err
}

// post returns the members of a JSON answer.
func (v visitor) post(path string, form url.Values) (map[string]any, error) {
	status, _, body, err := v.send(context.Background(), "POST", path, form)
	if err != nil {
		return nil, err
	}
	var answer map[string]any
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return nil, fmt.Errorf("%s: %d %.200s: %w", path, status, body, err)
	}
	return answer, nil
}

func (v visitor) browser() *scripted.Browser {
	b := scripted.New()
	b.ForwardedFor = v.from
	return b
}

// token asks for one until Stack Exchange has time: all calls of a server share
// a rate.
func (v visitor) token(form url.Values) error {
	for {
		answer, err := v.post("/oauth/token", form)
		switch {
		case err != nil:
			return err
		case answer["access_token"] != nil:
			return nil
		case answer["error"] != "slow_down" && answer["error"] != "temporarily_unavailable":
			return fmt.Errorf("/oauth/token: %v", answer)
		}
		<-time.After(5 * time.Second) // RFC 8628 section 3.5
	}
}

// relay signs in by the key relay.
func (v visitor) relay() error {
	key := rand.Text()
	claimed := make(chan string, 1)
	go func() {
		_, _, body, err := v.send(context.Background(), "GET", "/auth/token?wait=60&key="+key, nil)
		claimed <- fmt.Sprint(body, err)
	}()
	query := url.Values{"client_id": {"7"}, "redirect_uri": {v.p.url + "/auth/redirect"}, "state": {key}}
	page, err := v.browser().Visit(v.p.url+"/sandbox/oauth/dialog?"+query.Encode(), scripted.Approves)
	if err != nil || page.Status != http.StatusNoContent {
		return fmt.Errorf("deposit: %d %.200s: %w", page.Status, page.Body, err)
	}
	if answer := <-claimed; !strings.Contains(answer, `{"access_token":"`) {
		return fmt.Errorf("claim: %s", answer)
	}
	return nil
}

// code signs in by the code grant.
func (v visitor) code() error {
	code, err := authorize(v.browser(), v.p.url, strings.Repeat("<", 200))
	if err != nil {
		return err
	}
	return v.token(exchangeForm(code, appVerifier))
}

// device signs in by the device grant.
func (v visitor) device() error {
	answer, err := v.post("/oauth/device_authorization", url.Values{"client_id": {"7"}})
	if err != nil {
		return err
	}
	address, _ := answer["verification_uri_complete"].(string)
	code, _ := answer["device_code"].(string)
	page, err := v.browser().Visit(address, scripted.Approves)
	if err != nil || !strings.HasSuffix(page.URL.Path, "/device/finished") {
		return fmt.Errorf("device grant ends at %v: %d: %w", page.URL, page.Status, err)
	}
	return v.token(pollForm(code))
}

// attack is what one address does over and over.
type attack func(ctx context.Context, v visitor) (status int, header http.Header, body string, err error)

func authorizeWith(state string) string {
	query := url.Values{
		"response_type": {"code"}, "client_id": {"7"}, "redirect_uri": {appRedirectURI}, "scope": {strings.Repeat("s", 1000)},
		"code_challenge": {appChallenge}, "code_challenge_method": {"S256"},
	}
	return "/oauth/authorize?" + query.Encode() + "&state=" + state
}

var attacks = map[string]attack{
	"states too long": func(ctx context.Context, v visitor) (int, http.Header, string, error) {
		return v.send(ctx, "GET", authorizeWith(strings.Repeat("<", 14_000)), nil)
	},
	"states": func(ctx context.Context, v visitor) (int, http.Header, string, error) {
		return v.send(ctx, "GET", authorizeWith(strings.Repeat("<", 4096)), nil)
	},
	"deposits": func(ctx context.Context, v visitor) (int, http.Header, string, error) {
		form := url.Values{"state": {rand.Text()}, "access_token": {strings.Repeat("T", 4096)}}
		return v.send(ctx, "POST", "/auth/redirect", form)
	},
	"small deposits": func(ctx context.Context, v visitor) (int, http.Header, string, error) {
		return v.send(ctx, "POST", "/auth/redirect", url.Values{"state": {rand.Text()}, "access_token": {"T"}})
	},
	"devices": func(ctx context.Context, v visitor) (int, http.Header, string, error) {
		form := url.Values{"client_id": {"7"}, "scope": {strings.Repeat("<", 1000)}}
		return v.send(ctx, "POST", "/oauth/device_authorization", form)
	},
	"codes made up": func(ctx context.Context, v visitor) (int, http.Header, string, error) {
		return v.redeem(ctx, rand.Text()+rand.Text()[:17])
	},
	"codes that Stack Exchange refuses": func(ctx context.Context, v visitor) (int, http.Header, string, error) {
		status, header, body, err := v.send(ctx, "GET", authorizeWith("s"), nil)
		match := statePattern.FindStringSubmatch(header.Get("Location"))
		if err != nil || match == nil {
			return status, header, body, err
		}
		cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
		back := "/oauth/callback?code=" + strings.Repeat("c", 4096) + "&state=" + match[1]
		_, header, body, err = v.send(ctx, "GET", back, nil, "Cookie", cookie)
		code := codePattern.FindStringSubmatch(header.Get("Location"))
		if err != nil || code == nil {
			return status, header, body, err
		}
		return v.redeem(ctx, code[1])
	},
	"wrong hosts": func(ctx context.Context, v visitor) (int, http.Header, string, error) {
		v.host = "evil.example"
		return v.send(ctx, "GET", "/", nil)
	},
	"user codes": func(ctx context.Context, v visitor) (int, http.Header, string, error) {
		return v.send(ctx, "GET", "/device?user_code="+randomUserCode(), nil)
	},
	"revocations": func(ctx context.Context, v visitor) (int, http.Header, string, error) {
		return v.send(ctx, "POST", "/oauth/revoke", url.Values{"client_id": {"7"}, "token": {rand.Text()}})
	},
	"keys": func(ctx context.Context, v visitor) (int, http.Header, string, error) {
		return v.send(ctx, "GET", "/auth/token?key="+rand.Text(), nil)
	},
}

var statePattern = regexp.MustCompile(`[?&]state=(dss[^&#]+)`)

func (v visitor) redeem(ctx context.Context, code string) (int, http.Header, string, error) {
	return v.send(ctx, "POST", "/oauth/token", exchangeForm(code, appVerifier))
}

func randomUserCode() string {
	const alphabet = "BCDFGHJKLMNPQRSTVWXZ"
	code := make([]byte, 8)
	for i := range code {
		code[i] = alphabet[randomByte()%len(alphabet)]
	}
	return string(code)
}

// TestOneAddressFloods has one address do its worst for ten seconds and longer,
// while 100 others sign in in all three ways. What it may fill of the store it
// fills first.
func TestOneAddressFloods(t *testing.T) {
	admin := program.FreeAddress(t)
	store := "sqlite:" + filepath.Join(t.TempDir(), "dss.db")
	p := startBinary(t, fastBinary, "127.0.0.1:0", "--store", store, "--sandbox=remote",
		"--trusted-proxies", "127.0.0.1", "--admin-listen", admin)
	p.adminURL = "http://" + admin
	p.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	f := flood{p: p, full: make(chan struct{})}
	f.filled = sync.OnceFunc(func() { close(f.full) })
	var attackers sync.WaitGroup
	for name, attack := range attacks {
		attackers.Go(func() { f.repeat(ctx, name, attack) })
	}
	select {
	case <-f.full:
	case <-time.After(5 * program.Patience):
		t.Error("one address may store as much as it likes")
	}
	enough := time.After(10 * time.Second)
	p.others(t, 100)
	<-enough
	stop()
	attackers.Wait()
	t.Logf("%d requests of the flood, %d refused", f.sent.Load(), f.refused.Load())
	// A hundredth of the store for the flood, and 3 KB for each of the others.
	if held := p.metric("dss_store_bytes"); held > 64<<20/100+100*3*1024 {
		t.Errorf("the store holds %.0f bytes", held)
	}
	if resident := p.metric("process_resident_memory_bytes"); resident > 256<<20 {
		t.Errorf("%.0f MB are resident", resident/(1<<20))
	}
	p.terminate()
}

// flood is what one address does.
type flood struct {
	p             *process
	sent, refused atomic.Int64
	full          chan struct{} // closed when the address may store nothing more
	filled        func()
}

// repeat attacks until ctx ends. Every request must be answered, and none with
// a failure of the server.
func (f *flood) repeat(ctx context.Context, name string, attack attack) {
	for v := (visitor{p: f.p, from: "203.0.113.66"}); ctx.Err() == nil; f.sent.Add(1) {
		status, header, body, err := attack(ctx, v)
		switch {
		case errors.Is(err, context.Canceled):
		case err != nil:
			f.p.t.Errorf("%s: no answer: %v", name, err)
			return
		case status == http.StatusTooManyRequests:
			f.refused.Add(1)
		case status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable:
			f.p.t.Errorf("%s: %d %.200s", name, status, body)
		}
		if strings.Contains(body+strings.ReplaceAll(header.Get("Location"), "+", " "), "too many sign-ins") {
			f.filled()
		}
	}
}

// others has clients sign in, ten at a time, and wants no error.
func (p *process) others(t *testing.T, n int) {
	t.Helper()
	clients := make(chan visitor)
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			for v := range clients {
				for name, signIn := range map[string]func() error{"relay": v.relay, "code": v.code, "device": v.device} {
					if err := signIn(); err != nil {
						t.Errorf("%s, %s: %v", v.from, name, err)
					}
				}
			}
		})
	}
	for i := range n {
		clients <- visitor{p: p, from: fmt.Sprintf("198.51.100.%d", i+1)}
	}
	close(clients)
	group.Wait()
}

// metric is the value of a series without labels.
func (p *process) metric(name string) float64 {
	p.t.Helper()
	for line := range strings.Lines(p.admin("/metrics")) {
		if text, ok := strings.CutPrefix(line, name+" "); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				p.t.Fatal(err)
			}
			return value
		}
	}
	p.t.Fatalf("no %s", name)
	return 0
}
