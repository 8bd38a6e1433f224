package httpapi_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/sandbox"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// recorder is an observer that keeps what it is told.
type recorder struct {
	mu       sync.Mutex
	underWay int
	requests []httpapi.Request
	events   []string
}

func (r *recorder) Began() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.underWay++
}

func (r *recorder) Ended(request httpapi.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.underWay--
	r.requests = append(r.requests, request)
}

func (r *recorder) Happened(e httpapi.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, strings.Join(strings.Fields(fmt.Sprint(e.Name, " ", e.Kind, " ", e.Outcome)), " "))
}

// last is the request that ended last.
func (r *recorder) last() httpapi.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests[len(r.requests)-1]
}

// observed is a server whose requests are served before the call returns, and
// what it tells.
func newObserved(t *testing.T, configure ...func(*httpapi.Config)) (dss, *recorder) {
	t.Helper()
	told := &recorder{}
	d := newDSS(t, inMemory(), append(configure, func(c *httpapi.Config) {
		c.Observer, c.AuditKey = told, []byte(strings.Repeat("k", 32))
		c.Sandbox = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	})...)
	return d, told
}

// serve serves a request without a connection.
func (d dss) serve(method, path, body string, header ...string) *httptest.ResponseRecorder {
	d.Helper()
	r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
	r.URL.Scheme, r.URL.Host, r.Host = "", "", strings.TrimPrefix(d.url, "http://")
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	d.Handler().ServeHTTP(w, r)
	return w
}

func TestEveryRequestIsTold(t *testing.T) {
	d, told := newObserved(t)
	key := rand.Text()
	for _, c := range []struct {
		method, path, body string
		header             []string
		want               string
	}{
		{"GET", "/auth/token?key=" + key, "", nil, "GET /auth/token 404 no_token"},
		{"HEAD", "/auth/token?key=" + key, "", nil, "HEAD /auth/token 405 method_not_allowed"},
		{"BREW", "/auth/token", "", nil, "other /auth/token 405 method_not_allowed"},
		{"GET", "/auth/redirect/17?state=x", "", nil, "GET /auth/redirect/{appid} 400 invalid_key"},
		{"POST", "/auth/redirect", "state=" + key + "&access_token=T", nil, "POST /auth/redirect 403 cross_origin"},
		{"GET", "/", "", []string{"Host", "evil.example"}, "GET (refused) 421 misdirected_request"},
		{"GET", "/a/../b", "", nil, "GET (refused) 404 no_method"},
		{"GET", "/nowhere", "", nil, "GET / 404 not_found"},
		{"GET", "/", "", nil, "GET /{$} 200"},
		{"PUT", "/oauth/token", "", nil, "PUT /oauth/token 405 method_not_allowed"},
		{"POST", "/oauth/token", "grant_type=magic", nil, "POST /oauth/token 400 unsupported_grant_type"},
		{"GET", "/device?user_code=BCDF-GHJK", "", nil, "GET /device 404 unknown_sign_in"},
		{"GET", "/oauth/callback?state=dss." + strings.Repeat("x", 43) + "&code=c", "", nil, "GET /oauth/callback 303 unknown_sign_in"},
		{"GET", "/auth/token?wait=1&key=" + key, "", nil, "GET /auth/token 404 no_token waited"},
	} {
		d.serve(c.method, c.path, c.body, c.header...)
		r := told.last()
		got := fmt.Sprint(r.Method, " ", r.Route, " ", r.Status, " ", r.Error)
		if r.Waited {
			got += " waited"
		}
		if got = strings.TrimSpace(got); got != c.want {
			t.Errorf("%s %s: told %q, want %q", c.method, c.path, got, c.want)
		}
		if r.Error != "" && !slices.Contains(httpapi.ErrorNames(), r.Error) {
			t.Errorf("%s is not among the names of errors", r.Error)
		}
	}
	func() {
		defer func() {
			if reason, _ := recover().(error); !errors.Is(reason, http.ErrAbortHandler) {
				t.Errorf("an aborted handler panics with %v", reason)
			}
		}()
		d.serve("GET", "/sandbox/inner/route", "")
	}()
	if r := told.last(); r.Route != "/sandbox/" || told.underWay != 0 {
		t.Errorf("after an abort: route %s, %d under way", r.Route, told.underWay)
	}
}

func TestEventsAreTold(t *testing.T) {
	d, told := newObserved(t)
	deposit := func(key, response string) {
		d.serve("POST", "/auth/redirect", "state="+key+"&"+response, "Sec-Fetch-Site", "same-origin")
	}
	one, two := rand.Text(), rand.Text()
	deposit(one, "access_token=T")
	deposit(one, "access_token=T")
	deposit(one, "code=C") // from another browser: it has no cookie
	d.serve("GET", "/auth/token?key="+one, "")
	deposit(two, "error=access_denied")
	d.serve("GET", "/auth/token?wait=60&key="+two, "")
	d.serve("GET", "/auth/token?wait=1&key="+two, "")
	deposit(two, "code=C")
	r := httptest.NewRequest("GET", d.url+"/auth/token?key="+two, nil)
	r.URL.Scheme, r.URL.Host = "", ""
	d.Handler().ServeHTTP(&failing{header: http.Header{}}, r)
	if last := told.last(); last.Status != httpapi.StatusClientLeft || last.Error != "client_left" {
		t.Errorf("an answer that nobody took is told as %+v", last)
	}
	want := []string{
		"deposit token created", "deposit token repeated", "deposit code conflicted", "claim conflict delivered",
		"deposit refusal created", "wait answered", "claim refusal delivered", "wait empty",
		"deposit code created", "claim code interrupted",
	}
	if !slices.Equal(told.events, want) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(told.events, "\n"), strings.Join(want, "\n"))
	}
}

var idLine = regexp.MustCompile(`request_id=(\S+)`)

// TestRequestID: each line of a request carries the id of its answer, and none
// that came in.
func TestRequestID(t *testing.T) {
	d := newDSS(t, broken{inMemory()})
	seen := map[string]bool{}
	for range 20 {
		before := len(d.log.String())
		w := d.serve("GET", "/auth/token?key="+rand.Text(), "", "X-Request-Id", "canary")
		id := w.Header().Get("X-Request-Id")
		if !regexp.MustCompile(`^[0-9a-z]{13}$`).MatchString(id) || seen[id] {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
		lines := idLine.FindAllStringSubmatch(d.log.String()[before:], -1)
		if len(lines) != 2 || lines[0][1] != id || lines[1][1] != id {
			t.Fatalf("the lines of %s:\n%s", id, d.log.String()[before:])
		}
	}
	if strings.Contains(d.log.String(), "canary") {
		t.Error("an id that came in is in the log")
	}
}

// auditLine is what stands in a line of the audit.
type auditLine struct{ Msg, Event, Kind, Outcome, Subject, Client, RequestID string }

func auditLines(t *testing.T, log string) (lines []auditLine) {
	t.Helper()
	for text := range strings.Lines(log) {
		var line struct {
			auditLine
			ID string `json:"request_id"`
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if line.Msg == "audit" {
			line.RequestID = line.ID
			lines = append(lines, line.auditLine)
		}
	}
	return lines
}

func newAudited(t *testing.T, key string) dss {
	t.Helper()
	log := &buffer{}
	fake := sandbox.New(sandbox.Config{})
	d := newDSS(t, inMemory(), func(c *httpapi.Config) {
		c.Log = slog.New(slog.NewJSONHandler(log, nil))
		if key != "" {
			c.AuditKey = []byte(key)
		}
		base := c.PublicURL.JoinPath("sandbox")
		c.StackExchange = stackexchange.Config{BaseURL: base, APIURL: base.JoinPath("2.3"), Transport: fake, Local: true}
	})
	d.log = log
	return d
}

// signIns is a run of everything that leaves an audit line.
func (d dss) signIns(key string) {
	d.Helper()
	d.serve("POST", "/auth/redirect", "state="+key+"&access_token=TOKEN", "Sec-Fetch-Site", "same-origin")
	d.serve("POST", "/auth/redirect", "state="+key+"&access_token=OTHER", "Sec-Fetch-Site", "same-origin")
	d.serve("GET", "/auth/token?key="+key, "")
	d.serve("GET", "/auth/token?key="+key, "") // nothing: no line
	d.serve("POST", "/auth/redirect", "state="+key+"&access_token=TOKEN")
	started := d.serve("POST", "/oauth/device_authorization", "client_id=7")
	_, rest, _ := strings.Cut(started.Body.String(), `"user_code":"`)
	userCode, _, _ := strings.Cut(rest, `"`)
	d.serve("POST", "/device", "decision=decline&user_code="+userCode, "Sec-Fetch-Site", "same-origin")
	d.serve("POST", "/oauth/revoke", "token=unknown")
}

var hashed = regexp.MustCompile(`^[0-9a-f]{12}$`)

func TestAudit(t *testing.T) {
	secret := strings.Repeat("s", 32)
	d, key := newAudited(t, secret), "CANARY"+rand.Text()
	d.signIns(key)
	lines := auditLines(t, d.log.String())
	want := []string{
		"deposit token created", "deposit token conflicted", "claim conflict delivered", "refusal  cross_origin",
		"grant device started", "grant device declined", "revocation  ended",
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), d.log.String())
	}
	for i, line := range lines {
		if got := line.Event + " " + line.Kind + " " + line.Outcome; got != want[i] {
			t.Errorf("line %d is %q, want %q", i, got, want[i])
		}
		if !hashed.MatchString(line.Client) || line.RequestID == "" || (line.Event != "refusal" && !hashed.MatchString(line.Subject)) {
			t.Errorf("line %d lacks something: %+v", i, line)
		}
	}
	if lines[0].Subject != lines[2].Subject || lines[4].Subject != lines[5].Subject || lines[0].Subject == lines[4].Subject {
		t.Error("the subjects do not tell what belongs together")
	}
	for _, leak := range []string{key, "TOKEN", "192.0.2.1", "unknown", secret} {
		if strings.Contains(d.log.String(), leak) {
			t.Errorf("%s is in the log:\n%s", leak, d.log.String())
		}
	}

	same, other, none := newAudited(t, secret), newAudited(t, strings.Repeat("o", 32)), newAudited(t, "")
	for _, server := range []dss{same, other, none} {
		server.signIns(key)
	}
	if got := auditLines(t, same.log.String()); got[0].Subject != lines[0].Subject || got[0].Client != lines[0].Client {
		t.Error("two servers with one key have different subjects")
	}
	if got := auditLines(t, other.log.String()); got[0].Subject == lines[0].Subject || got[0].Client == lines[0].Client {
		t.Error("two servers with different keys have the same subjects")
	}
	if got := auditLines(t, none.log.String()); len(got) != 0 {
		t.Errorf("%d audit lines without a key", len(got))
	}
}
