package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/clientaddr"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/limit"
	website "github.com/desktop-stack-serv/dss/internal/site"
)

// words returns what a page says.
func words(page string) string {
	_, page, _ = strings.Cut(page, "<main")
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " ")), " ")
}

// TestPrivacyFollowsTheSettings: each setting that changes what the server sees or
// keeps changes what the page says.
func TestPrivacyFollowsTheSettings(t *testing.T) {
	read := func(configure ...func(*httpapi.Config)) string {
		_, _, page := newDSS(t, inMemory(), configure...).do(http.MethodGet, "/privacy", "")
		return words(page)
	}
	usual := read()
	for _, tt := range []struct {
		name          string
		change        func(*httpapi.Config)
		usually, then string
	}{
		{"TTL", func(c *httpapi.Config) { c.TTL = 90 * time.Second }, "for 15 minutes at most", "for 90 seconds at most"},
		{"store", func(c *httpapi.Config) { c.Store = "a Redis or Valkey database" }, "in the memory of the server", "in a Redis or Valkey database"},
		{"audit", func(c *httpapi.Config) { c.AuditKey = make([]byte, 32) }, "No line says who", "are short hashes of your network address"},
		{"limits", func(c *httpapi.Config) { l := limit.Defaults(); c.Limits = &l }, "does not count requests", "counts requests by network address"},
		{"proxies", func(c *httpapi.Config) { c.TrustedProxies, _ = clientaddr.ParseProxies("10.0.0.0/8") }, "the address of your connection", "from a proxy"},
		{"confirm", func(c *httpapi.Config) { c.HandOver = true }, "asks you before", "without asking you again"},
		{"operator", func(c *httpapi.Config) {
			c.Operator = website.Operator{Name: "Example & Co", Contact: "https://example.org/x"}
		}, "has not given a name", "Example &amp; Co: https://example.org/x"},
		{"OAuth", func(c *httpapi.Config) { c.PublicURL.Scheme, c.PublicURL.Host = "http", "dss.example" }, "Loopback", ""},
	} {
		if !strings.Contains(usual, tt.usually) {
			t.Errorf("%s: by default there is no %q in %s", tt.name, tt.usually, usual)
		}
		changed := read(tt.change)
		if tt.name == "OAuth" {
			continue // the page is asked for under another host; see below
		}
		if strings.Contains(changed, tt.usually) || !strings.Contains(changed, tt.then) {
			t.Errorf("%s: there is no %q in %s", tt.name, tt.then, changed)
		}
	}
	d := newDSS(t, inMemory(), func(c *httpapi.Config) { c.PublicURL.Host = "dss.example" })
	if _, _, page := d.do(http.MethodGet, "/privacy", "", "Host", "dss.example"); strings.Contains(page, "Loopback") || !strings.Contains(page, "Key relay") {
		t.Errorf("without the OAuth endpoints: %s", words(page))
	}
}

// TestPrivacyListsTheLog: no line has an attribute that the page does not name.
func TestPrivacyListsTheLog(t *testing.T) {
	d := newDSS(t, inMemory(), func(c *httpapi.Config) { c.AuditKey = make([]byte, 32) })
	d.deposit("0123456789abcdefghij", "T")
	d.claim("0123456789abcdefghij")
	d.do(http.MethodPost, "/oauth/token", "grant_type=authorization_code&client_id=7&code=x&code_verifier=y")
	d.do(http.MethodPost, "/oauth/device_authorization", "client_id=7")
	d.do(http.MethodPost, "/auth/redirect", "state=0123456789abcdefghij&code=c")
	_, _, page := d.do(http.MethodGet, "/privacy", "")
	names := map[string]bool{}
	for _, match := range regexp.MustCompile(` ([a-z_]+)=`).FindAllStringSubmatch(regexp.MustCompile(`"[^"]*"`).ReplaceAllString(d.log.String(), `""`), -1) {
		names[match[1]] = true
	}
	for name := range names {
		if !slices.Contains([]string{"level", "msg"}, name) && !strings.Contains(page, "<code>"+name+"</code>") {
			t.Errorf("the page does not name %s", name)
		}
	}
	if len(names) < 10 {
		t.Errorf("only %v in\n%s", names, d.log.String())
	}
}

func TestStatus(t *testing.T) {
	var broken error
	checked := time.Date(2026, 11, 27, 9, 30, 0, 0, time.UTC)
	holds, known := false, false
	d := newDSS(t, inMemory(), func(c *httpapi.Config) {
		c.Ready = func(context.Context) error { return broken }
		c.Contract = func() (bool, time.Time, bool) { return holds, checked, known }
	})
	read := func() string {
		status, _, page := d.do(http.MethodGet, "/status", "")
		if status != http.StatusOK {
			t.Errorf("%d: %s", status, page)
		}
		return words(page)
	}
	since := regexp.MustCompile(`since .*? UTC`)
	first := read()
	if !strings.Contains(first, "Users can sign in.") || !strings.Contains(first, "has not been checked yet") || since.FindString(first) == "" {
		t.Errorf("at first: %s", first)
	}
	broken = errors.New("connection refused by redis.internal:6379")
	if page := read(); !strings.Contains(page, "Users cannot sign in now.") || strings.Contains(page, "redis.internal") {
		t.Errorf("without a store: %s", page)
	}
	broken, known = nil, true
	if page := read(); !strings.Contains(page, "on 27 November 2026, 09:30 UTC , it was not as DSS expects") {
		t.Errorf("after a change: %s", page)
	}
	holds = true
	if page := read(); !strings.Contains(page, "It was as DSS expects when that was last checked, on 27 November 2026, 09:30 UTC") {
		t.Errorf("after a check: %s", page)
	}
	d.Drain()
	if page := read(); !strings.Contains(page, "shutting down") {
		t.Errorf("while it drains: %s", page)
	}
}
