package httpapi_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/apps"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/limit"
	"github.com/desktop-stack-serv/dss/internal/web/text"
)

// listing is a browser at a server with a list of apps, which can be exchanged.
type listing struct {
	*visitor
	list   atomic.Pointer[apps.List]
	log    *buffer
	events []string
}

const listedApps = `
[[app]]
client_id = "11"
app_id = "inbox"
name = "Acme Inbox"
author = "Acme GmbH"
homepage = "https://example.com/inbox"
icon = "inbox.png"
shows_code = true

[[app]]
client_id = "22"
app_id = "spam"
name = "Spammer"
blocked = "It posts & spams \"people\"."

[[app]]
client_id = "33"
app_id = "narrow"
name = "Narrow"
scopes = ["read_inbox", "access_team"]
flows = ["code"]
`

func newListing(t *testing.T, text string, unknown apps.Unknown, configure ...func(*httpapi.Config)) *listing {
	t.Helper()
	l := &listing{log: &buffer{}}
	l.use(t, text)
	own := func(c *httpapi.Config) {
		c.Apps = apps.Policy{List: l.list.Load, Unknown: unknown}
		c.Log = slog.New(slog.NewTextHandler(l.log, nil))
		c.AuditKey = make([]byte, 32)
		c.Observer = eventFunc(func(e httpapi.Event) { l.events = append(l.events, fmt.Sprint(e.Name, " ", e.App)) })
	}
	l.visitor = visitors(t, "https://auth.example.org", append(configure, own)...)()
	return l
}

// use exchanges the list.
func (l *listing) use(t *testing.T, text string) {
	t.Helper()
	var icon bytes.Buffer
	if err := png.Encode(&icon, image.NewGray(image.Rect(0, 0, 32, 32))); err != nil {
		t.Fatal(err)
	}
	list, err := apps.Parse("apps.toml", []byte(text), func(path string) ([]byte, error) {
		if path == "inbox.png" {
			return icon.Bytes(), nil
		}
		return nil, os.ErrNotExist
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.list.Store(list)
}

// block returns the list with the first app blocked.
func block(reason string) string {
	return strings.Replace(listedApps, "[[app]]\n", "[[app]]\nblocked = \""+reason+"\"\n", 1)
}

func (l *listing) answer(method, path, body string, header ...string) (status int, location, content string) {
	l.Helper()
	response := l.send(method, path, body, header...)
	page, err := io.ReadAll(response.Body)
	if err != nil {
		l.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Location"), text.WithoutBreaks(string(page))
}

const (
	aKey       = "key-ABCDEFGHIJKLMNOP"
	asDeposit  = "state=" + aKey + "&code=the-code"
	aChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

func authorizeAt(clientID, scope string) string {
	return "/oauth/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {"http://127.0.0.1:7777/"}, "scope": {scope},
		"state": {"xyz"}, "code_challenge": {aChallenge}, "code_challenge_method": {"S256"},
	}.Encode()
}

// TestABlockedAppIsRefusedEverywhere, with the reason, and other apps are not.
func TestABlockedAppIsRefusedEverywhere(t *testing.T) {
	l := newListing(t, listedApps, apps.WarnUnknown)
	for _, test := range []struct {
		method, path, body string
		want               []string // its status, and parts of the answer
	}{
		{"GET", authorizeAt("22", ""), "", []string{"403", "<h1", "Spammer", "posts &amp; spams &#34;people&#34;."}},
		{"GET", authorizeAt("0022", ""), "", []string{"403", "Spammer"}},
		{"GET", "/oauth/authorize?client_id=22&redirect_uri=http://127.0.0.1/", "", []string{"403", "Spammer"}},
		{"POST", "/oauth/device_authorization", "client_id=22", []string{"400", `"error":"unauthorized_client"`, "spams"}},
		{"POST", "/oauth/token", "grant_type=authorization_code&client_id=22&code=x&code_verifier=y", []string{"400", `"unauthorized_client"`, "spams"}},
		{"POST", "/oauth/token", "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=22&device_code=x", []string{"400", `"unauthorized_client"`}},
		{"POST", "/start/try", "client_id=22", []string{"403", "Spammer"}},
		{"GET", "/auth/redirect/spam", "", []string{"403", "<h1", "calls itself <bdi>Spammer</bdi>", "posts &amp; spams"}},
		{"GET", "/auth/redirect?appid=spam&" + asDeposit, "", []string{"403", "Spammer", `data-address="/auth/redirect/spam"`}},
		{"POST", "/auth/redirect/spam", asDeposit, []string{"403", `"error_name":"access_denied"`, "spams"}},
		{"GET", "/auth/token?appid=spam&key=" + aKey, "", []string{"403", `"error_name":"access_denied"`, "spams"}},
		{"POST", "/auth/token", "appid=spam&key=" + aKey, []string{"403", `"error_name":"access_denied"`}},
	} {
		status, location, text := l.answer(test.method, test.path, test.body)
		for _, want := range test.want {
			if !strings.Contains(fmt.Sprint(status, " ", text), want) {
				t.Errorf("%s %s: %d without %s: %s", test.method, test.path, status, want, text)
			}
		}
		if location != "" || strings.Contains(text, "the-code") || strings.Contains(text, `value="`+aKey) {
			t.Errorf("%s %s leads to %q, or keeps the answer: %s", test.method, test.path, location, text)
		}
	}
	for _, other := range [][2]string{
		{authorizeAt("11", "read_inbox"), "303"}, {"/auth/redirect/inbox?" + asDeposit, "200"}, {"/auth/redirect?" + asDeposit, "200"},
		{"/auth/token?key=" + aKey, "404"}, {authorizeAt("44", ""), "303"},
	} {
		if status, _, _ := l.answer("GET", other[0], ""); fmt.Sprint(status) != other[1] {
			t.Errorf("%s: %d", other[0], status)
		}
	}
	if status, _, _ := l.answer("POST", "/oauth/revoke", "client_id=22&token=dss"); status == http.StatusForbidden {
		t.Error("a blocked app cannot end its tokens")
	}
	if log := l.log.String(); strings.Count(log, "reason=app_blocked") != 12 || strings.Contains(log, "spams") {
		t.Errorf("the log is\n%s", log)
	}
}

// TestABlockMeetsSignInsUnderWay: they stop where they are, and nothing is consumed.
func TestABlockMeetsSignInsUnderWay(t *testing.T) {
	l := newListing(t, listedApps, apps.WarnUnknown)
	authorize := l.location("GET", authorizeAt("11", ""), "")
	_, _, device := l.answer("POST", "/oauth/device_authorization", "client_id=11&scope=read_inbox")
	userCode := regexp.MustCompile(`"user_code":"([^"]+)"`).FindStringSubmatch(device)[1]
	deviceCode := regexp.MustCompile(`"device_code":"([^"]+)"`).FindStringSubmatch(device)[1]
	poll := "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=11&device_code=" + deviceCode
	if status, _, text := l.answer("POST", "/auth/redirect/inbox", asDeposit, "Accept", "application/json"); status != 204 {
		t.Fatalf("deposit: %d %s", status, text)
	}
	state, err := url.Parse(authorize)
	if err != nil {
		t.Fatal(err)
	}
	callback := "/oauth/callback?code=x&state=" + url.QueryEscape(state.Query().Get("state"))

	l.use(t, block("Not today."))
	for _, test := range [][4]string{
		{"GET", "/device?user_code=" + userCode, "", "403 Not today."},
		{"POST", "/device", "decision=continue&user_code=" + userCode, "403 Not today."},
		{"GET", callback, "", "303 "},
		{"POST", "/oauth/token", poll, "400 unauthorized_client"},
		{"GET", "/auth/token?appid=inbox&key=" + aKey, "", "403 access_denied"},
	} {
		status, location, text := l.answer(test[0], test[1], test[2])
		want, part, _ := strings.Cut(test[3], " ")
		if fmt.Sprint(status) != want || !strings.Contains(text, part) || status == 303 && !strings.Contains(location, "/oauth/continue?sign_in=") {
			t.Errorf("%s %s: %d to %s, not %s: %s", test[0], test[1], status, location, test[3], text)
		}
	}

	if status, page := l.read(l.location("GET", callback, "")); status != 403 || !strings.Contains(page, "Not today.") {
		t.Errorf("after the callback: %d %s", status, page)
	}

	l.use(t, listedApps)
	if status, _, text := l.answer("GET", "/auth/token?appid=inbox&key="+aKey, ""); status != 200 || !strings.Contains(text, "the-code") {
		t.Errorf("the deposit is gone: %d %s", status, text)
	}
	if status, _, text := l.answer("POST", "/oauth/token", poll); status != 400 || !strings.Contains(text, "authorization_pending") {
		t.Errorf("the device's sign-in is gone: %d %s", status, text)
	}
	if location := l.location("GET", callback, ""); !strings.HasPrefix(location, "http://127.0.0.1:7777/?code=") {
		t.Errorf("the callback leads to %s", location)
	}

	l.use(t, block("Not today."))
	if location := l.location("POST", "/device", "decision=decline&user_code="+userCode); !strings.HasSuffix(location, "/device/declined#") {
		t.Errorf("a no leads to %s", location)
	}
}

// TestScopesAndFlows: beyond the cap, the app is told which scope and why.
func TestScopesAndFlows(t *testing.T) {
	l := newListing(t, listedApps, apps.WarnUnknown)
	for scope, fits := range map[string]bool{
		"": true, "read_inbox": true, "access_team|stackoverflow.com/c/acme": true, "openid read_inbox": true,
		"write_access": false, "read_inbox,no_expiry": false, "read_inbox|x": true, "read_inboxx": false,
	} {
		location := l.location("GET", authorizeAt("33", scope), "")
		refused := strings.HasPrefix(location, "http://127.0.0.1:7777/?error=invalid_scope&error_description=the+operator") &&
			strings.Contains(location, "state=xyz")
		if refused == fits {
			t.Errorf("%q leads to %s", scope, location)
		}
	}
	for _, test := range [][3]string{
		{"/oauth/device_authorization", "client_id=33", "unauthorized_client"},
		{"/auth/redirect/narrow", asDeposit, "access_denied"},
	} {
		if _, _, text := l.answer("POST", test[0], test[1]); !strings.Contains(text, test[2]) || !strings.Contains(text, "Narrow") {
			t.Errorf("%s: %s", test[0], text)
		}
	}
	l.use(t, strings.Replace(listedApps, `flows = ["code"]`, "", 1))
	_, _, text := l.answer("POST", "/oauth/device_authorization", "client_id=33&scope=write_access")
	if !strings.Contains(text, `"error":"invalid_scope"`) || !strings.Contains(text, "write_access, only for read_inbox access_team") {
		t.Errorf("the device gets %s", text)
	}
}

// TestUnknownApps: by the policy, they are refused, or pages have other words.
func TestUnknownApps(t *testing.T) {
	warnings := regexp.MustCompile("This server does not know who makes this app|Go on only if you started this yourself, a moment ago")
	for unknown, warns := range map[apps.Unknown]bool{"": true, apps.WarnUnknown: true, apps.AllowUnknown: false} {
		l := newListing(t, listedApps, unknown)
		_, _, device := l.answer("POST", "/oauth/device_authorization", "client_id=99")
		code := regexp.MustCompile(`"user_code":"([^"]+)"`).FindStringSubmatch(device)[1]
		for _, path := range []string{"/auth/redirect?" + asDeposit, "/auth/redirect/StackOverflow", "/device?user_code=" + code} {
			status, _, page := l.answer("GET", path, "")
			if status != 200 || !strings.Contains(page, "An app that this server does not know.") || warnings.MatchString(page) != warns {
				t.Errorf("%s, %s: %d, the warning is there: %t", unknown, path, status, warnings.MatchString(page))
			}
			if strings.Contains(page, "<bdi>0</bdi>") || !strings.Contains(page, `class="icon unknown"`) {
				t.Errorf("%s: %s", path, page)
			}
		}
	}
	l := newListing(t, listedApps, apps.RefuseUnknown)
	for _, test := range [][3]string{
		{"GET", "/auth/redirect?" + asDeposit, "403"}, {"GET", "/auth/redirect/other", "403"}, {"GET", "/auth/token?key=" + aKey, "403"},
		{"GET", authorizeAt("99", ""), "403"}, {"GET", "/auth/redirect/inbox", "200"}, {"GET", authorizeAt("11", ""), "303"},
	} {
		if status, _, text := l.answer(test[0], test[1], ""); fmt.Sprint(status) != test[2] {
			t.Errorf("refuse, %s: %d %s", test[1], status, text)
		}
	}
	if _, _, text := l.answer("POST", "/oauth/device_authorization", "client_id=99"); !strings.Contains(text, "unauthorized_client") {
		t.Errorf("refuse, device: %s", text)
	}
}

// TestNamesOnPages: at /device the name belongs to the client id; on the relay the
// app calls itself so.
func TestNamesOnPages(t *testing.T) {
	l := newListing(t, listedApps, apps.WarnUnknown)
	_, _, device := l.answer("POST", "/oauth/device_authorization", "client_id=11")
	if !strings.Contains(device, `"message":"To sign in to Acme Inbox, open https://auth.example.org/device in`) {
		t.Errorf("the device shows %s", device)
	}
	code := regexp.MustCompile(`"user_code":"([^"]+)"`).FindStringSubmatch(device)[1]
	_, _, page := l.answer("GET", "/device?user_code="+code, "")
	for _, want := range []string{
		`<a href="https://example.com/inbox"`, "<bdi>Acme Inbox</bdi> by <bdi>Acme GmbH</bdi>", "Stack Apps is <bdi>11</bdi>",
		"<title>Let Acme Inbox into your ",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("/device lacks %s", want)
		}
	}
	if strings.Contains(page, "calls itself") || strings.Contains(page, "does not know") {
		t.Error("/device has doubts")
	}
	icon := regexp.MustCompile(`/assets/icon\.[0-9a-f]{32}\.png`).FindString(page)
	response := l.send("GET", icon, "")
	if _, err := png.Decode(response.Body); err != nil || response.Header.Get("Content-Type") != "image/png" ||
		!strings.Contains(response.Header.Get("Cache-Control"), "immutable") || response.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the icon: %v, %v", err, response.Header)
	}
	_, _, page = l.answer("GET", "/auth/redirect/inbox?"+asDeposit, "")
	for _, want := range []string{
		"calls itself <bdi>Acme Inbox</bdi>; <bdi>Stack Overflow</bdi> showed you the app’s name a moment ago, and it must be the same.",
		"<bdi>Acme Inbox</bdi> always shows it.",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the relay's page lacks %s", want)
		}
	}
	if strings.Contains(page, "Acme GmbH") || strings.Contains(page, "does not know who makes") {
		t.Error("the relay's page knows too much, or warns")
	}
}

// TestNamesInAuditAndEvents: listed apps by their names, others as one.
func TestNamesInAuditAndEvents(t *testing.T) {
	l := newListing(t, listedApps, apps.WarnUnknown)
	for _, space := range []string{"inbox", "other-id", "another-id"} {
		l.answer("POST", "/auth/redirect/"+space, asDeposit)
		l.answer("GET", "/auth/token?appid="+space+"&key="+aKey, "")
	}
	l.answer("GET", authorizeAt("11", ""), "")
	l.answer("GET", authorizeAt("22", ""), "")
	log := l.log.String()
	for part, want := range map[string]int{
		`event=deposit kind=code outcome=created app="Acme Inbox"`: 1, `event=deposit kind=code outcome=created app=unlisted`: 2,
		`event=claim kind=code outcome=delivered app="Acme Inbox"`: 1, `event=grant kind=code outcome=started app="Acme Inbox"`: 1,
		"other-id": 0,
	} {
		if got := strings.Count(log, part); got != want {
			t.Errorf("%d times %s in\n%s", got, part, log)
		}
	}
	if got := strings.Join(l.events, ", "); got != "deposit Acme Inbox, claim Acme Inbox, deposit unlisted, claim unlisted, "+
		"deposit unlisted, claim unlisted, grant Acme Inbox, app_refusal Spammer" {
		t.Errorf("the events are %s", got)
	}
}

// TestLimitsOfAnApp: its factor multiplies those of a client.
func TestLimitsOfAnApp(t *testing.T) {
	few := func(c *httpapi.Config) {
		c.Limits = &limit.Config{Exchanges: limit.Limit{Client: limit.Rate{N: 4, Per: time.Hour}}}
	}
	for factor, want := range map[string]int{"0.5": 2, "1": 4, "3": 12} {
		l := newListing(t, strings.Replace(listedApps, "[[app]]\n", "[[app]]\nlimits = "+factor+"\n", 1), "", few)
		n := 0
		for ; n < 100; n++ {
			if status, _, _ := l.answer("POST", "/oauth/device_authorization", "client_id=11"); status != 200 {
				break
			}
		}
		if n != want {
			t.Errorf("%s: %d device authorizations, not %d", factor, n, want)
		}
	}
}
