package httpapi_test

import (
	"fmt"
	unescape "html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/limit"
	"github.com/desktop-stack-serv/dss/internal/sandbox"
	"github.com/desktop-stack-serv/dss/internal/web/text"
)

const trialToken = "CANARYtokenOfATrial000))"

// answering is a Stack Exchange whose token endpoint refuses with a body, or with
// none gives a token. It ends every token, unless it is stubborn.
func answering(refusal string, stubborn bool) func(*httpapi.Config) {
	return func(c *httpapi.Config) {
		c.StackExchange.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			status, body := http.StatusOK, `{"access_token":"`+trialToken+`","expires":86400}`
			switch {
			case r.Method == http.MethodGet && stubborn:
				status, body = http.StatusServiceUnavailable, ""
			case r.Method == http.MethodGet:
				body = `{"items":[{"access_token":"T"}]}`
			case refusal != "":
				status, body = http.StatusBadRequest, refusal
			}
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
		})
	}
}

// try starts a trial and returns its state at Stack Exchange.
func (v *visitor) try(fields string) (state string) {
	v.Helper()
	return parameter(v.T, v.location("POST", "/start/try", "client_id="+fields), "state")
}

// read returns a page.
func (v *visitor) read(address string) (status int, page string) {
	v.Helper()
	response := v.send("GET", strings.TrimSuffix(strings.TrimPrefix(address, v.origin), "#"), "")
	body, err := io.ReadAll(response.Body)
	if err != nil {
		v.Fatal(err)
	}
	return response.StatusCode, unescape.UnescapeString(text.WithoutBreaks(string(body)))
}

var (
	heading = regexp.MustCompile(`<h1[^>]*>([^<]*)</h1>`)
	change  = regexp.MustCompile(`<p class="lead" lang="en"><strong>([^<]*)</strong>|<li><p><strong>([^<]*)</strong>`)
)

// changes are what a report says to change, without the full stops.
func changes(page string) (changes []string) {
	for _, match := range change.FindAllStringSubmatch(page, -1) {
		changes = append(changes, strings.TrimSuffix(match[1]+match[2], "."))
	}
	return changes
}

func headingOf(page string) string {
	if match := heading.FindStringSubmatch(page); match != nil {
		return match[1]
	}
	return ""
}

const (
	tickPKCE  = "In Manage OAuth, tick Public client: Authorization Code with PKCE"
	setDomain = "In Manage OAuth, set OAuth domain to auth.example.org, without https:// and without a port"
	copyID    = "Copy the client ID from the application's page on Stack Apps, or register the application again"
)

// misregistrations are the ways to register an app, and what can be seen of each:
// an answer that the browser comes back with, a refusal of the token endpoint, or
// what the author sees at Stack Exchange.
var misregistrations = []struct {
	name, app             string
	answer, refusal, seen string
	title                 string
	want                  []string // to change
}{
	{"right", "901", "code=c0de", "", "", "Your app is registered correctly", nil},
	{
		"confidential only, nested error", "902", "code=c0de",
		`{"error":{"type":"invalid_request","message":"client_secret not provided"}}`, "",
		"Stack Exchange refused the last step", []string{tickPKCE + ", which needs no secret"},
	},
	{
		"confidential only, numbered error", "902", "code=c0de", `{"error":{"type":"2","message":"client_secret not provided"}}`, "",
		"Stack Exchange refused the last step", []string{tickPKCE + ", which needs no secret"},
	},
	{
		"confidential only, flat error", "902", "code=c0de", `{"error_message":"client_secret not provided"}`, "",
		"Stack Exchange refused the last step", []string{tickPKCE + ", which needs no secret"},
	},
	{
		"some refusal", "902", "code=c0de", `{"error":{"type":"invalid_request","message":"no"}}`, "",
		"Stack Exchange refused the last step", []string{
			tickPKCE + ", which needs no secret", "Change nothing on Stack Apps; try again, and approve once",
		},
	},
	{"no PKCE", "903", "", "", "other", "What that means", []string{tickPKCE, copyID}},
	{"no PKCE, and a page forgotten", "903", "", "", "failure", "What that means", []string{setDomain, tickPKCE, copyID}},
	{"no PKCE, as an error", "903", "error=unauthorized_client", "", "", "Stack Exchange gave no access", []string{tickPKCE}},
	{
		"no Implicit", "904", "code=c0de", "", "dialog", "What that means",
		[]string{"In Manage OAuth, tick Public client: Implicit; or change the app to Public client: Authorization Code with PKCE"},
	},
	{"no flow", "905", "", "", "other", "What that means", []string{tickPKCE, copyID}},
	{"another domain", "906", "", "", "redirect_uri", "What that means", []string{setDomain}},
	{"no domain", "907", "", "", "redirect_uri", "What that means", []string{setDomain}},
	{"a subdomain", "908", "", "", "redirect_uri", "What that means", []string{setDomain}},
	{
		"a domain changed meanwhile", "906", "code=c0de", `{"error":{"type":"2","message":"redirect_uri does not match"}}`, "",
		"Stack Exchange refused the last step", []string{setDomain},
	},
	{
		"non-web off", "909", "code=c0de", "", "login_success", "What that means", []string{
			"In Manage OAuth, tick Enable Non-Web Client OAuth Redirect URI; or use a redirect URI of this server, which does not need it",
		},
	},
	{
		"no post", "910", "code=c0de", "", "no_write", "What that means",
		[]string{"Write a post about the app on Stack Apps, and keep it there"},
	},
	{
		"key expired", "911", "code=c0de", "", "key", "What that means",
		[]string{"In API keys, rotate the key or make a new one; or send no key, since a token needs none"},
	},
	{"deleted", "912", "", "", "other", "What that means", []string{tickPKCE, copyID}},
	{
		"denied", "901", "error=access_denied&error_description=The+user+denied", "", "", "Stack Exchange gave no access",
		[]string{"Change nothing on Stack Apps; try again and approve"},
	},
	{
		"an old code", "901", "code=c0de", `{"error_message":"The authorization code has expired"}`, "",
		"Stack Exchange refused the last step", []string{"Change nothing on Stack Apps; try again, and approve once"},
	},
	{
		"an outage", "901", "code=c0de", `<html>`, "", "Stack Exchange did not answer",
		[]string{"Change nothing on Stack Apps; try again later"},
	},
}

// TestMisregistrations: for each, the report of a trial names what to change.
func TestMisregistrations(t *testing.T) {
	reached := map[string]bool{}
	for _, tt := range misregistrations {
		reached[tt.app] = true
		t.Run(tt.name, func(t *testing.T) {
			v := visitors(t, "https://auth.example.org", answering(tt.refusal, false))()
			state := v.try(tt.app + "&write=on")
			report := reportOf(v)
			if tt.answer != "" {
				if got := v.callback(state, tt.answer); got != v.origin+report+"#" {
					t.Fatalf("the browser comes to %s", got)
				}
			} else if _, page := v.read(report); headingOf(page) != "What does Stack Exchange show you?" ||
				!strings.Contains(page, `action="`+report+`"`) {
				t.Errorf("a browser that was kept: %s", page)
			}
			if tt.seen != "" {
				report += "?seen=" + tt.seen
			}
			status, page := v.read(report)
			if status != http.StatusOK || headingOf(page) != tt.title || !strings.Contains(page, "<title>"+tt.title) {
				t.Errorf("%d %q", status, headingOf(page))
			}
			if got := changes(page); !slices.Equal(got, tt.want) {
				t.Errorf("to change: %q, want %q", got, tt.want)
			}
			if tt.refusal != "" && strings.Contains(page, "<script>") {
				t.Error("markup of Stack Exchange's")
			}
		})
	}
	for _, app := range sandbox.Apps("auth.example.org") {
		if !reached[app.ClientID] {
			t.Errorf("no trial of app %s", app.ClientID)
		}
	}
}

// reportOf is the path of the report of a browser's only trial.
func reportOf(v *visitor) string {
	for name := range v.cookies {
		if _, flow, ok := strings.Cut(name, "dss-flow-"); ok {
			return "/start/report/" + flow
		}
	}
	v.Fatalf("no cookie of a trial: %v", v.cookies)
	return ""
}

// TestReportByHand: without a trial, what was seen leads to what to change too.
func TestReportByHand(t *testing.T) {
	for _, origin := range []string{"https://auth.example.org", "http://auth.example.org"} {
		v := visitors(t, origin)()
		for seen, want := range map[string][]string{
			"redirect_uri": {setDomain}, "failure": {setDomain, tickPKCE, copyID},
			"no_write&write=on": {"Write a post about the app on Stack Apps, and keep it there"},
		} {
			if _, page := v.read("/start/report?seen=" + seen); !slices.Equal(changes(page), want) {
				t.Errorf("%s: %q, want %q", seen, changes(page), want)
			}
		}
		if status, page := v.read("/start/report"); status != http.StatusOK || headingOf(page) != "What does Stack Exchange show you?" {
			t.Errorf("%d %s", status, headingOf(page))
		}
	}
}

// TestAuthorComesBackAlone: an author whom Stack Exchange has kept finds the report
// of the last trial, if that is under way.
func TestAuthorComesBackAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := visitors(t, "https://auth.example.org", answering("", false))()
		v.authorize("a sign-in of an app")
		time.Sleep(time.Second)
		first := v.try("7")
		time.Sleep(time.Second)
		second := v.try("8")
		got := v.location("GET", "/start/report?platform=desktop", "")
		if _, page := v.read(got); !strings.HasPrefix(got, v.origin+"/start/report/") || !strings.Contains(page, "client_id=8") {
			t.Errorf("leads to %s: %s", got, page)
		}
		v.callback(second, "code=c0de")
		if _, page := v.read("/start/report"); headingOf(page) != "What does Stack Exchange show you?" {
			t.Errorf("after it has ended: %s", headingOf(page))
		}
		v.callback(first, "code=c0de")
		v.authorize("a sign-in of an app")
		if status, _ := v.read("/start/report"); status != http.StatusOK {
			t.Errorf("after a sign-in: %d", status)
		}
	})
}

// TestStartValues: the values are those of this server.
func TestStartValues(t *testing.T) {
	for _, tt := range []struct {
		origin, query string
		want, not     []string
	}{
		{
			"https://auth.example.org", "platform=desktop&inbox=on&no_expiry=on",
			[]string{">auth.example.org</code>", ">https://auth.example.org/oauth/authorize<", ">read_inbox no_expiry<", "/start/try?inbox=on"},
			[]string{"Stack Apps post", "plain http"},
		},
		{
			"https://auth.example.org:8443", "platform=script&write=on",
			[]string{">auth.example.org</code>", ">https://auth.example.org:8443/oauth/device_authorization<", "Stack Apps post"},
			[]string{"127.0.0.1"},
		},
		{
			"http://auth.example.org", "platform=mobile",
			[]string{">auth.example.org</code>", ">http://auth.example.org/auth/redirect<", "plain http"},
			[]string{"/oauth/authorize"},
		},
		{"http://localhost:8080", "platform=browser_extension", []string{">localhost</code>", ">https://stackoverflow.com/oauth<"}, nil},
	} {
		status, page := visitors(t, tt.origin)().read("/start?" + tt.query)
		if status != http.StatusOK {
			t.Errorf("%s: %d", tt.query, status)
		}
		if !strings.Contains(page, "<wbr>/oauth") || strings.Contains(page, ":<wbr>") {
			t.Errorf("%s %s: addresses break elsewhere than before the slashes of their paths", tt.origin, tt.query)
		}
		page = strings.ReplaceAll(page, "<wbr>", "")
		for _, want := range tt.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s %s: no %s in %s", tt.origin, tt.query, want, page)
			}
		}
		for _, not := range tt.not {
			if strings.Contains(page, not) {
				t.Errorf("%s %s: %s", tt.origin, tt.query, not)
			}
		}
	}
	for _, path := range []string{"/start", "/start/", "/start?platform=", "/start?platform=toaster&inbox=on", "/start?x=y"} {
		if _, page := visitors(t, "http://localhost")().read(path); headingOf(page) != "Register your app" {
			t.Errorf("%s: %s", path, headingOf(page))
		}
	}
}

// TestPlainHTTPTriesNothing, and says why.
func TestPlainHTTPTriesNothing(t *testing.T) {
	v := visitors(t, "http://auth.example.org")()
	if _, page := v.read("/start/try"); strings.Contains(page, `action="/start/try"`) || !strings.Contains(page, "plain http") {
		t.Errorf("the page: %s", page)
	}
	if response := v.send("POST", "/start/try", "client_id=7"); response.StatusCode != http.StatusMethodNotAllowed || len(v.cookies) > 0 {
		t.Errorf("a trial: %s", response.Status)
	}
	if response := v.send("GET", "/start/report/ABCDEFGHIJKLMNOP", ""); response.StatusCode != http.StatusNotFound {
		t.Errorf("a report: %s", response.Status)
	}
}

// TestTrialBeginsOnOurPage: only a POST of this server's own page starts one. A
// link, a script and a form of another site store nothing and lead nowhere.
func TestTrialBeginsOnOurPage(t *testing.T) {
	const path, body, own = "/start/try", "client_id=7", "http://localhost"
	for name, tt := range map[string]struct {
		method, path, body string
		header             []string
		status             int
	}{
		"our form":           {"POST", path, body, []string{"Sec-Fetch-Site", "same-origin", "Origin", own}, 303},
		"an older browser":   {"POST", path, body, []string{"Sec-Fetch-Site", "", "Origin", own}, 303},
		"another site":       {"POST", path, body, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		"another port":       {"POST", path, body, []string{"Sec-Fetch-Site", "same-site", "Origin", own + ":81"}, 403},
		"a sandboxed frame":  {"POST", path, body, []string{"Sec-Fetch-Site", "", "Origin", "null"}, 403},
		"a program":          {"POST", path, body, []string{"Sec-Fetch-Site", ""}, 403},
		"the id in a query":  {"POST", path + "?" + body, "a=b", nil, 400},
		"the id twice":       {"POST", path, body + "&" + body, nil, 400},
		"a link":             {"GET", path + "?" + body, "", nil, 200},
		"a prefetch":         {"GET", path + "?" + body, "", []string{"Sec-Purpose", "prefetch"}, 200},
		"a HEAD":             {"HEAD", path + "?" + body, "", nil, 200},
		"another method":     {"PUT", path, body, nil, 405},
		"no id":              {"POST", path, "a=b", nil, 303},
		"an id that is none": {"POST", path, "client_id=rl_CANARY", nil, 303},
	} {
		m := &measured{}
		l := newLimited(t, m, nil, "")
		m.Store = inMemory()
		r := httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, strings.NewReader(tt.body))
		r.Host = "localhost"
		if tt.body != "" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		for i := 0; i < len(tt.header); i += 2 {
			if r.Header.Set(tt.header[i], tt.header[i+1]); tt.header[i+1] == "" {
				r.Header.Del(tt.header[i])
			}
		}
		w := httptest.NewRecorder()
		l.handler.ServeHTTP(w, r)
		location := w.Header().Get("Location")
		starts := name == "our form" || name == "an older browser"
		if w.Code != tt.status || starts != strings.HasPrefix(location, "https://stackoverflow.com/oauth?") ||
			starts != (m.handed > 0) || starts != (len(w.Result().Cookies()) > 0) {
			t.Errorf("%s: %d %s, %d stored", name, w.Code, location, m.handed)
		}
		if strings.Contains(location+w.Body.String()+l.log.String(), "CANARY") {
			t.Errorf("%s: what was typed comes back: %s", name, location)
		}
	}
}

// TestTrialOfAnotherBrowser: a callback in a browser that has not started the
// trial redeems nothing, and its report is that browser's alone.
func TestTrialOfAnotherBrowser(t *testing.T) {
	u := &stackExchange{}
	browser := visitors(t, "http://localhost", func(c *httpapi.Config) { c.StackExchange.Transport = u })
	attacker, victim := browser(), browser()
	victim.try("8") // a trial of its own does not help
	state := attacker.try("7")
	if got := victim.callback(state, "code=live"); !strings.HasSuffix(got, wrongBrowser) {
		t.Errorf("the victim comes to %s", got)
	}
	if status, page := victim.read(reportOf(attacker)); status != http.StatusNotFound || headingOf(page) != "This report is gone" {
		t.Errorf("the attacker's report: %d %s", status, headingOf(page))
	}
	for name, cookie := range attacker.cookies { // with a value of the victim's choice
		copied := *cookie
		copied.Value = "0" + cookie.Value[1:]
		victim.cookies[name] = &copied
	}
	if got := victim.callback(state, "code=live"); !strings.HasSuffix(got, "/problem/unknown_sign_in#") {
		t.Errorf("with another secret the victim comes to %s", got)
	}
	if all, _ := u.called(); all > 0 {
		t.Errorf("Stack Exchange was called %d times", all)
	}
}

// TestTrialAgain: two clicks on the button, Approve clicked twice, a reload and
// Back lead to the reports, and each code is redeemed once.
func TestTrialAgain(t *testing.T) {
	u := &stackExchange{}
	v := visitors(t, "http://localhost", func(c *httpapi.Config) { c.StackExchange.Transport = u })()
	first, second := v.try("7"), v.try("7")
	if first == second || len(v.cookies) != 2 {
		t.Fatalf("two clicks have the states %s and %s", first, second)
	}
	reports := map[string]bool{}
	for _, state := range []string{first, second} {
		report := v.callback(state, "code=live")
		reports[report] = true
		for _, again := range []string{"code=live", "code=other", "error=access_denied", ""} {
			if got := v.callback(state, again); got != report {
				t.Errorf("%q leads to %s, want %s", again, got, report)
			}
		}
		for range 2 {
			if status, page := v.read(report); status != http.StatusOK || headingOf(page) != "Your app is registered correctly" {
				t.Errorf("the report: %d %s", status, headingOf(page))
			}
		}
	}
	if all, _ := u.called(); all != 4 || len(reports) != 2 { // two redemptions, two invalidations
		t.Errorf("Stack Exchange was called %d times, for %v", all, reports)
	}
}

// TestTrialShowsNoToken: what Stack Exchange gives is in no log, page, header or
// address, nor its code, also where ending the token fails: then the report says
// so, and where to remove the app.
func TestTrialShowsNoToken(t *testing.T) {
	for _, stubborn := range []bool{false, true} {
		log := &buffer{}
		v := visitors(t, "https://auth.example.org", answering("", stubborn), func(c *httpapi.Config) {
			c.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			c.AuditKey = []byte("key")
		})()
		state := v.try("7")
		response := v.send("GET", "/oauth/callback?code=CANARYcode&state="+state, "")
		_, page := v.read(response.Header.Get("Location"))
		if headingOf(page) != "Your app is registered correctly" || strings.Contains(page, "could not be ended") != stubborn ||
			!strings.Contains(page, httpapi.DefaultAuthorizedAppsURL) {
			t.Errorf("stubborn %t: %s", stubborn, page)
		}
		if got := fmt.Sprint(log.String(), response.Header, page); strings.Contains(got, "CANARY") {
			t.Errorf("a canary is in %s", got)
		}
		for _, step := range []string{"started", "approved", "redeemed"} {
			if !strings.Contains(log.String(), "kind=trial outcome="+step) {
				t.Errorf("the audit has no %s: %s", step, log)
			}
		}
	}
}

// TestTrialQuotesSafely: what Stack Exchange says is text, without controls, and
// not too much of it.
func TestTrialQuotesSafely(t *testing.T) {
	v := visitors(t, "http://localhost")()
	state := v.try("7")
	report := v.callback(state, url.Values{
		"error": {"<script>alert(1)</script>"}, "error_description": {"\u202e\x1b[31m\"><img src=x onerror=alert(1)>" + strings.Repeat("y", 5000)},
	}.Encode())
	response := v.send("GET", strings.TrimSuffix(strings.TrimPrefix(report, v.origin), "#"), "")
	body, err := io.ReadAll(response.Body)
	if err != nil || len(body) > 10_000 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	for _, bad := range []string{"<script>", "<img src=x", "\u202e", "\x1b", strings.Repeat("y", 200)} {
		if strings.Contains(string(body), bad) {
			t.Errorf("the report has %q", bad)
		}
	}
	if !strings.Contains(string(body), "&lt;script&gt;alert(1)&lt;/script&gt;") {
		t.Errorf("the report does not quote the error: %s", body)
	}
}

// TestTrialsAreLimited as other sign-ins are: in what is stored, in how many
// begin, and in codes that Stack Exchange refuses.
func TestTrialsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, limits := range map[string]*limit.Config{
			"exchanges": {Exchanges: hour(3)}, "deposits": {Deposits: 3}, "bytes": {DepositBytes: 3 * 800},
		} {
			l := newLimited(t, inMemory(), limits, "")
			statuses := map[int]int{}
			for range 5 {
				statuses[l.from(alice, "/start/try", "client_id=7").Code]++
			}
			if statuses[http.StatusSeeOther] != 3 || statuses[http.StatusTooManyRequests] != 2 {
				t.Errorf("%s: %v", name, statuses)
			}
			if w := l.from(bob, "/start/try", "client_id=7"); w.Code != http.StatusSeeOther {
				t.Errorf("%s: somebody else: %d", name, w.Code)
			}
		}
		u := &stackExchange{}
		l := newLimited(t, inMemory(), defaults(), "", u)
		ends := map[string]int{}
		for i := range 40 {
			w := l.from(alice, "/start/try", "client_id=7")
			to := l.comeBack(alice, w, url.Values{"code": {fmt.Sprint("invented", i)}}).Header().Get("Location")
			kind, _, _ := strings.Cut(strings.TrimPrefix(to, "http://localhost/start/"), "/")
			ends[strings.TrimPrefix(kind, "/problem/")]++
		}
		if all, busiest := u.called(); all > 31 || busiest > 20 || ends["report"] != all {
			t.Errorf("Stack Exchange was called %d times, and %d in a second; %v", all, busiest, ends)
		}
	})
}

// TestTrialOnThePublicHost: the cookie has to be where Stack Exchange sends the
// browser back to.
func TestTrialOnThePublicHost(t *testing.T) {
	l := newLimited(t, inMemory(), nil, "")
	w := l.fetched("http://127.0.0.1/start/try?platform=desktop", nil)
	if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != "http://localhost/start/try?platform=desktop#" {
		t.Errorf("%d %s", w.Code, got)
	}
}
