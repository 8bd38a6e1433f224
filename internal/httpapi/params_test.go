package httpapi

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/relay"
)

// FuzzParams checks that what is accepted is exactly what was sent: encoding
// it again gives the same parameters, and nothing was dropped.
func FuzzParams(f *testing.F) {
	for _, seed := range []string{
		"", "key=a", "key=a+b&appid=3", "key=a%2Bb", "key=%zz", "key=a;appid=3", "key=A&key=B", "%FF=x", "a=%FF", "=&=", "key", "&&",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		p, err := parseParams("query", encoded)
		if err != nil {
			if _, known := errors.AsType[*problem](err); !known {
				t.Errorf("an error without a name: %v", err)
			}
			return
		}
		pairs := 0
		for pair := range strings.SplitSeq(encoded, "&") {
			if pair != "" {
				pairs++
			}
		}
		if pairs != len(p) {
			t.Errorf("%d pairs became %d parameters", pairs, len(p))
		}
		again := url.Values{}
		for _, param := range p {
			again.Set(param.name, param.value)
		}
		q, err := parseParams("query", again.Encode())
		if err != nil || len(q) != len(p) {
			t.Fatalf("cannot be parsed again: %v", err)
		}
		for _, param := range p {
			if got := q.get(param.name); got != param.value {
				t.Errorf("%q was %q, and is %q", param.name, param.value, got)
			}
		}
	})
}

// FuzzForm puts arbitrary bodies through what a deposit checks.
func FuzzForm(f *testing.F) {
	s := &Server{}
	for _, seed := range []string{
		"state=kM3-9c2a7be1d04865&access_token=T", "state=kM3-9c2a7be1d04865&code=C&decision=finish",
		"state=kM3-9c2a7be1d04865&error=access_denied&error_description=%00%FF", "state=&code=", "access_token=T&code=C&state=kM3-9c2a7be1d04865",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		p, err := parseParams("body", body)
		if err != nil {
			return
		}
		key, response, err := s.parseResponse(p)
		if err != nil {
			return
		}
		if key.Reveal() != p.get("state") {
			t.Errorf("state %q became key %q", p.get("state"), key.Reveal())
		}
		if response.Kind == relay.KindRefusal {
			return
		}
		if got := response.Value.Reveal(); got != p.get("access_token")+p.get("code") {
			t.Errorf("%q became %q", p.get("access_token")+p.get("code"), got)
		}
	})
}

// FuzzHost checks the allow-list: nothing but the listed names gets through.
func FuzzHost(f *testing.F) {
	h := newHosts(&url.URL{Scheme: "https", Host: "auth.example.org"}, []string{"17", "my-app"})
	for _, seed := range []string{"auth.example.org", "17.auth.example.org:443", "evil.example", "[::1]", "auth.example.org.", "x.17.auth.example.org", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		canonical, err := origin.Host("https", host)
		app, ok := h.find(canonical)
		if err != nil || !ok {
			return
		}
		name, port, _ := strings.Cut(strings.ToLower(host), ":")
		name = strings.TrimSuffix(name, ".")
		if port = strings.TrimLeft(port, "0"); port != "" && port != "443" {
			t.Errorf("%q is let in with port %q", host, port)
		}
		want := map[string]string{"auth.example.org": "", "17.auth.example.org": "17", "my-app.auth.example.org": "my-app"}
		if known, there := want[name]; !there || known != app {
			t.Errorf("%q is let in as app %q", host, app)
		}
	})
}

// trickle is a body that arrives in parts.
type trickle struct{ io.Reader }

func (b trickle) Read(p []byte) (int, error) { return b.Reader.Read(p[:min(len(p), 3)]) }

func (trickle) Close() error { return nil }

// TestReadBody: whatever length a body announces, and however it arrives, all of it
// or nothing is read.
func TestReadBody(t *testing.T) {
	for _, c := range []struct {
		size   int
		length int64
		want   string // the error
	}{
		{0, 0, ""}, {0, -1, ""}, {1, 1, ""}, {100, 100, ""}, {100, -1, ""},
		{maxBody, maxBody, ""}, {maxBody, -1, ""},
		{maxBody + 1, maxBody + 1, api.TooLarge}, {maxBody + 1, -1, api.TooLarge},
		{101, 100, api.InvalidRequest}, {1 << 20, 100, api.InvalidRequest}, // which net/http does not let through
	} {
		body := strings.Repeat("x", c.size)
		r := &http.Request{Body: trickle{strings.NewReader(body)}, ContentLength: c.length}
		got, err := readBody(httptest.NewRecorder(), r)
		if c.want == "" && (err != nil || got != body) {
			t.Errorf("%d bytes of %d became %d, %v", c.size, c.length, len(got), err)
		}
		if p, ok := errors.AsType[*problem](err); c.want != "" && (!ok || p.name != c.want || got != "") {
			t.Errorf("%d bytes of %d: %d, %v, want %s", c.size, c.length, len(got), err, c.want)
		}
	}
}
