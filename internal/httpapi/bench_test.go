package httpapi_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/logger"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// sink is a connection that takes everything. It keeps the last answer.
type sink struct {
	header http.Header
	status int
	body   []byte
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { s.body = append(s.body[:0], b...); return len(b), nil }
func (s *sink) Flush()                      {}

func (s *sink) SetWriteDeadline(time.Time) error { return nil }

// direct is a server that is called without a network: what is measured of it is
// what DSS adds to net/http.
type direct struct {
	testing.TB
	http.Handler
	sink  sink
	polls *http.Request // for a key under which nothing is
	body  strings.Reader
	forms map[string]*http.Request // by path
	key   int
}

func newDirect(t testing.TB) *direct {
	t.Helper()
	public, err := url.Parse("http://localhost:8080")
	if err != nil {
		t.Fatal(err)
	}
	server, err := httpapi.New(sealed.NewVault(memory.New(store.Limits{})), httpapi.Config{
		PublicURL: public, Log: slog.New(logger.NewHandler(io.Discard, false)), AuditKey: []byte("a secret of thirty-two characters"),
	})
	if err != nil {
		t.Fatal(err)
	}
	d := &direct{TB: t, Handler: server.Handler(), forms: map[string]*http.Request{}}
	d.polls = d.request("GET", "/auth/token?key=bench-ABCDEFGHIJKLMNOPQRSTUVWXYZ-12345")
	for _, path := range []string{"/auth/redirect", "/oauth/token", "/oauth/device_authorization"} {
		r := d.request("POST", path)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Cookie", "dss=AAAAAAAAAAAAAAAAAAAAAAAAAA")
		r.Body = io.NopCloser(&d.body)
		d.forms[path] = r
	}
	return d
}

func (d *direct) request(method, target string) *http.Request {
	r := httptest.NewRequest(method, "http://localhost:8080"+target, nil)
	r.URL.Scheme, r.URL.Host = "", ""
	return r
}

// serve has the server answer r, which must end with status want.
func (d *direct) serve(want int, r *http.Request) {
	d.sink.header = make(http.Header)
	d.ServeHTTP(&d.sink, r)
	if d.sink.status != want {
		d.Fatalf("%s %s is answered %d %s, want %d", r.Method, r.URL.Path, d.sink.status, d.sink.body, want)
	}
}

func (d *direct) post(want int, path, body string) {
	d.body.Reset(body)
	r := d.forms[path]
	r.ContentLength = int64(len(body))
	d.serve(want, r)
}

func (d *direct) poll() { d.serve(404, d.polls) }

// deposit stores a token under a new key.
func (d *direct) deposit() {
	d.key++
	d.post(204, "/auth/redirect", "state="+d.lastKey()+"&access_token=rlH1gR1ZKl(4kCiMVlTfjA))&expires=86400")
}

func (d *direct) lastKey() string { return "bench-ABCDEFGHIJKLMNOPQRSTUVWXYZ-" + strconv.Itoa(d.key) }

// claim fetches the last token.
func (d *direct) claim() {
	r := d.polls
	query := r.URL.RawQuery
	r.URL.RawQuery = "key=" + d.lastKey()
	d.serve(200, r)
	r.URL.RawQuery = query
}

// authorizeDevice returns the body of a device's poll.
func (d *direct) authorizeDevice() string {
	d.post(200, "/oauth/device_authorization", "client_id=7&scope=read_inbox")
	_, code, _ := strings.Cut(string(d.sink.body), `"device_code":"`)
	code, _, _ = strings.Cut(code, `"`)
	return "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&client_id=7&device_code=" + code
}

func BenchmarkPoll(b *testing.B) {
	d := newDirect(b)
	b.ReportAllocs()
	for b.Loop() {
		d.poll()
	}
}

func BenchmarkPair(b *testing.B) {
	d := newDirect(b)
	b.ReportAllocs()
	for b.Loop() {
		d.deposit()
		d.claim()
	}
}

func BenchmarkDevicePoll(b *testing.B) {
	d := newDirect(b)
	body := d.authorizeDevice()
	b.ReportAllocs()
	for b.Loop() {
		d.post(400, "/oauth/token", body)
	}
}
