package metrics_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/metrics"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// exposition is what Prometheus reads.
func exposition(m *metrics.Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// value is that of one series, as its line begins; -1 if there is none.
func value(t *testing.T, m *metrics.Metrics, series string) float64 {
	t.Helper()
	for line := range strings.Lines(exposition(m)) {
		if text, ok := strings.CutPrefix(line, series+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	return -1
}

func newMetrics() *metrics.Metrics {
	return metrics.New(metrics.Build{Version: "v1", Revision: "abc", Go: "go1"}, []string{"requests"})
}

func want(t *testing.T, m *metrics.Metrics, series string, want float64) {
	t.Helper()
	if got := value(t, m, series); got != want {
		t.Errorf("%s is %v, want %v", series, got, want)
	}
}

// dropping is a log that has dropped lines.
type dropping uint64

func (d dropping) Dropped() uint64 { return uint64(d) }

func TestCounts(t *testing.T) {
	m := newMetrics()
	want(t, m, `dss_build_info{goversion="go1",revision="abc",version="v1"}`, 1)

	m.Began()
	m.Began()
	want(t, m, "dss_requests_in_flight", 2)
	m.Ended(httpapi.Request{Method: "GET", Route: "/auth/token", Status: 404, Error: "no_token", Took: 3 * time.Millisecond})
	m.Ended(httpapi.Request{Method: "GET", Route: "/auth/token", Status: 200, Took: time.Minute, Waited: true})
	want(t, m, "dss_requests_in_flight", 0)
	want(t, m, `dss_requests_total{code="404",method="GET",route="/auth/token"}`, 1)
	want(t, m, `dss_requests_total{code="200",method="GET",route="/auth/token"}`, 1)
	want(t, m, `dss_errors_total{error="no_token"}`, 1)
	// The one that waited is left out.
	want(t, m, `dss_request_duration_seconds_count{route="/auth/token"}`, 1)
	want(t, m, `dss_request_duration_seconds_bucket{route="/auth/token",le="0.005"}`, 1)

	m.Happened(httpapi.Event{Name: httpapi.EventDeposit, Kind: "token", Outcome: string(relay.Conflicted)})
	m.Happened(httpapi.Event{Name: httpapi.EventClaim, Kind: "conflict", Outcome: httpapi.Delivered})
	m.Happened(httpapi.Event{Name: httpapi.EventGrant, Kind: string(oauth.DeviceGrant), Outcome: string(oauth.Redeemed)})
	m.Happened(httpapi.Event{Name: httpapi.EventRevocation, Outcome: httpapi.Ended})
	m.Happened(httpapi.Event{Name: httpapi.EventWait, Outcome: httpapi.WaitEmpty, Took: 25 * time.Second})
	want(t, m, `dss_deposits_total{kind="token",outcome="conflicted"}`, 1)
	want(t, m, `dss_deposits_total{kind="code",outcome="created"}`, 0)
	want(t, m, `dss_claims_total{kind="conflict",outcome="delivered"}`, 1)
	want(t, m, `dss_grants_total{grant="device",step="redeemed"}`, 1)
	want(t, m, `dss_revocations_total{outcome="ended"}`, 1)
	want(t, m, `dss_wait_duration_seconds_sum{outcome="empty"}`, 25)

	m.LimitHit("requests")
	m.LimitHit("a limit that nobody has told of")
	want(t, m, `dss_limit_hits_total{limit="requests"}`, 1)
	want(t, m, `dss_limit_hits_total{limit="other"}`, 1)

	want(t, m, "dss_log_lines_dropped_total", -1)
	m.Log(dropping(7))
	want(t, m, "dss_log_lines_dropped_total", 7)

	want(t, m, "dss_upstream_quota_remaining", -1) // nobody has said yet
	m.Called(stackexchange.Call{Method: stackexchange.MethodInvalidate, Outcome: stackexchange.CallOK, Took: time.Second, Quota: &stackexchange.Quota{Remaining: 9000, Max: 10_000}})
	want(t, m, `dss_upstream_calls_total{method="invalidate",outcome="ok"}`, 1)
	want(t, m, `dss_upstream_call_duration_seconds_sum{method="invalidate"}`, 1)
	want(t, m, "dss_upstream_quota_remaining", 9000)
	want(t, m, "dss_upstream_quota_limit", 10_000)
	show := m.Contract()
	want(t, m, "dss_upstream_contract_timestamp_seconds", 0)
	if strings.Contains(exposition(m), "\ndss_upstream_contract ") {
		t.Error("the contract is known before it was seen")
	}
	show(true, time.Unix(1000, 0))
	want(t, m, "dss_upstream_contract", 1)
	show(false, time.Unix(2000, 0))
	want(t, m, "dss_upstream_contract", 0)
	want(t, m, "dss_upstream_contract_timestamp_seconds", 2000)
	if strings.Contains(exposition(m), "nobody") {
		t.Error("an unknown limit is a label")
	}
}

// TestKindsOfRequestsAreBounded counts more kinds than there may be.
func TestKindsOfRequestsAreBounded(t *testing.T) {
	m := newMetrics()
	for i := range 2000 {
		m.Began()
		m.Ended(httpapi.Request{Method: "GET", Route: "/" + strconv.Itoa(i), Status: 200})
	}
	if n := strings.Count(exposition(m), "dss_requests_total{"); n != 1001 {
		t.Errorf("%d kinds of requests, want 1,000 and other", n)
	}
	want(t, m, `dss_requests_total{code="0",method="other",route="other"}`, 1000)
}

// failing is a store whose operations fail with an error.
type failing struct {
	*memory.Store
	err error
}

func (f failing) Create(context.Context, sealed.ID, []byte, time.Duration) (bool, error) {
	return false, f.err
}

func TestStore(t *testing.T) {
	m := newMetrics()
	var id sealed.ID
	s := m.Store(memory.New(store.Limits{MaxEntries: 1}), metrics.Capacity{Entries: 1, Bytes: 2})
	ctx, leave := context.WithCancel(t.Context())
	if created, err := s.Create(ctx, id, []byte("value"), time.Hour); !created || err != nil {
		t.Fatal(created, err)
	}
	want(t, m, "dss_store_entries", 1)
	want(t, m, "dss_store_entries_limit", 1)
	want(t, m, "dss_store_bytes_limit", 2)
	if bytes := value(t, m, "dss_store_bytes"); bytes < 5 {
		t.Errorf("%v bytes", bytes)
	}
	if _, err := s.Create(ctx, sealed.ID{1}, nil, time.Hour); !errors.Is(err, sealed.ErrFull) {
		t.Fatal(err)
	}
	if woken, err := s.Watch(ctx, id); woken == nil || err != nil {
		t.Fatal(err)
	}
	if replaced, err := s.Replace(ctx, id, []byte("value"), []byte("other"), time.Hour); !replaced || err != nil {
		t.Fatal(replaced, err)
	}
	if v, ok, err := s.Get(ctx, id); string(v) != "other" || !ok || err != nil {
		t.Fatal(v, ok, err)
	}
	if v, ok, err := s.Take(ctx, id); string(v) != "other" || !ok || err != nil {
		t.Fatal(v, ok, err)
	}
	leave()
	if _, _, err := s.Get(ctx, id); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for operation, times := range map[string]float64{"create": 2, "get": 2, "take": 1, "replace": 1, "watch": 1} {
		want(t, m, `dss_store_operation_duration_seconds_count{operation="`+operation+`"}`, times)
		want(t, m, `dss_store_errors_total{operation="`+operation+`",reason="failed"}`, 0)
	}
	want(t, m, `dss_store_errors_total{operation="create",reason="full"}`, 1)
	want(t, m, "dss_store_entries", 0)

	m = newMetrics()
	s = m.Store(failing{memory.New(store.Limits{}), errors.New("away")}, metrics.Capacity{})
	_, _ = s.Create(t.Context(), id, nil, time.Hour)
	want(t, m, `dss_store_errors_total{operation="create",reason="failed"}`, 1)
}

// seriesPattern takes a line of the exposition apart.
var (
	seriesPattern = regexp.MustCompile(`^([a-z_]+)(?:\{(.*)\})? `)
	labelPattern  = regexp.MustCompile(`([a-z_]+)="((?:[^"\\]|\\.)*)"`)
)

// labels returns the values of each label of the metrics of this program, and
// the number of all series.
func labels(exposition string) (values map[string][]string, series int) {
	values = map[string][]string{}
	for line := range strings.Lines(exposition) {
		match := seriesPattern.FindStringSubmatch(line)
		if match == nil || strings.HasPrefix(line, "#") {
			continue
		}
		series++
		if !strings.HasPrefix(match[1], "dss_") {
			continue
		}
		for _, label := range labelPattern.FindAllStringSubmatch(match[2], -1) {
			if !slices.Contains(values[label[1]], label[2]) {
				values[label[1]] = append(values[label[1]], label[2])
			}
		}
	}
	return values, series
}

// server serves DSS with everything counted.
func server(t *testing.T, m *metrics.Metrics) http.Handler {
	t.Helper()
	store := m.Store(memory.New(store.Limits{}), metrics.Capacity{Entries: 1, Bytes: 1})
	s, err := httpapi.New(sealed.NewVault(store), httpapi.Config{
		PublicURL: &url.URL{Scheme: "http", Host: "localhost"}, Log: slog.New(slog.DiscardHandler),
		StackExchange: stackexchange.Config{Observe: m.Called, Transport: away{}}, Observer: m, AppHosts: []string{"all"},
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Server(s, httpapi.DefaultMaxWaiters)
	return s.Handler()
}

// away is a Stack Exchange that nobody reaches.
type away struct{}

func (away) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("away") }

// storm sends canary wherever a request has room for it.
func storm(handler http.Handler, canary string) {
	methods := []string{"GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "CONNECT", "X" + strings.ToUpper(canary)}
	paths := []string{
		"/", "/" + canary, "/auth/redirect", "/auth/redirect/" + canary, "/auth/redirect/a/" + canary, "/auth/token", "/auth", "/auth/" + canary, "/oauth/authorize", "/oauth/callback",
		"/oauth/token", "/oauth/revoke", "/oauth/device_authorization", "/problem/" + canary, "/device", "/device/" + canary,
		"/start", "/start/", "/start/try", "/start/report", "/start/report/" + canary, "/start/" + canary,
		"/assets/" + canary, "/healthz", "/sandbox/" + canary, "/.well-known/" + canary, "//" + canary, "/a/../" + canary,
	}
	form := url.Values{}
	for _, name := range []string{
		"key", "state", "access_token", "code", "error", "error_description", "appid", "verifier", "client_id", "scope", "redirect_uri",
		"user_code", "device_code", "token", "grant_type", "code_verifier", "code_challenge", "response_type", "decision", canary,
	} {
		form.Set(name, canary)
	}
	for _, method := range methods {
		for _, path := range paths {
			for _, host := range []string{"localhost", canary + ".localhost", canary} {
				for _, body := range []string{"", form.Encode(), "state=" + canary + "&access_token=" + canary} {
					r := httptest.NewRequest(method, "http://localhost/", strings.NewReader(body))
					r.URL = &url.URL{Path: path, RawQuery: form.Encode()}
					if body != "" {
						r.URL.RawQuery = ""
						r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					}
					r.Host, r.RemoteAddr = host, canary+":1"
					for _, name := range []string{"User-Agent", "Cookie", "Referer", "X-Request-Id", "X-Forwarded-For", canary} {
						r.Header.Set(name, canary)
					}
					r.Header.Set("Sec-Fetch-Site", "same-origin")
					handler.ServeHTTP(httptest.NewRecorder(), r)
				}
			}
		}
	}
}

// routes are all that a label may hold of a path.
var routes = []string{
	"/", "/{$}", "/assets/{file}", "/auth", "/auth/", "/auth/redirect", "/auth/redirect/", "/auth/redirect/{appid}", "/auth/token", "/device", "/device/{result}",
	"/healthz", "/oauth/authorize", "/oauth/callback", "/oauth/device_authorization", "/problem/{name}", "/oauth/revoke", "/oauth/token", "(refused)",
	"/start", "/start/{$}", "/start/try", "/start/report", "/start/report/{flow}",
}

// TestLabelsAreBounded sends hostile requests and wants nothing of them in a
// label, and no more series after many than after a few.
func TestLabelsAreBounded(t *testing.T) {
	m := newMetrics()
	handler := server(t, m)
	storm(handler, "canary-abcdefghijklmnop-0")
	first, before := labels(exposition(m))
	for i := range 2 {
		storm(handler, "canary-abcdefghijklmnop-"+strconv.Itoa(i+1))
	}
	values, after := labels(exposition(m))
	if before != after || !maps.EqualFunc(first, values, slices.Equal) {
		t.Errorf("%d series after one storm, %d after many", before, after)
	}
	allowed := map[string][]string{
		"route":  routes,
		"method": {"GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "other", "redeem", "invalidate"},
		"code":   {"200", "204", "303", "400", "403", "404", "405", "409", "415", "421", "503"},
		"error":  httpapi.ErrorNames(),
		"kind":   {"token", "code", "refusal", "conflict"},
		"outcome": {"created", "repeated", "replaced", "conflicted", "too_late", "delivered", "interrupted", "put_back", "lost", "answered", "empty", "left", "drained", "full",
			"failed", "ended", "ok", "refused", "paused", "throttled", "unavailable"},
		"grant": {"code", "direct", "device", "trial"}, "step": {"started", "approved", "declined", "redeemed", "refused"},
		"limit": {"requests", "other"}, "operation": {"create", "get", "take", "replace", "watch"}, "reason": {"full", "failed"},
		"version": {"v1"}, "revision": {"abc"}, "goversion": {"go1"},
	}
	for label, found := range values {
		for _, value := range found {
			if label != "le" && !slices.Contains(allowed[label], value) {
				t.Errorf("label %s has the value %q", label, value)
			}
		}
	}
	if len(values["route"]) != len(routes) {
		t.Errorf("the storm has reached %d of %d routes: %q", len(values["route"]), len(routes), values["route"])
	}
	if strings.Contains(exposition(m), "canary") {
		t.Error("a canary is in the metrics")
	}
}

// TestNoGlobals: what other packages register for the whole process stays out.
func TestNoGlobals(t *testing.T) {
	m := newMetrics()
	response := httptest.NewRecorder()
	m.Handler().ServeHTTP(response, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(response.Body)
	if err != nil || strings.Contains(string(body), "promhttp_") || !strings.Contains(string(body), "go_goroutines") ||
		!strings.Contains(string(body), "process_open_fds") {
		t.Errorf("%v\n%s", err, body)
	}
	newMetrics() // a second one in the same process
}
