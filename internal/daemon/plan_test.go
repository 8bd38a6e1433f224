package daemon

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/limit"
	"github.com/desktop-stack-serv/dss/internal/store"
)

func planned(t *testing.T, s Settings) *plan {
	t.Helper()
	p, err := s.plan()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestWarnOfProxy: a server behind a proxy that nobody has named says so, and
// no other does.
func TestWarnOfProxy(t *testing.T) {
	const public = "https://auth.example.org"
	for s, want := range map[Settings]bool{
		{}:                                 false,
		{PublicURL: "http://localhost"}:    false,
		{PublicURL: public}:                true,
		{PublicURL: public, Limits: "off"}: false,
		{PublicURL: public, TrustedProxies: "127.0.0.1"}: false,
		{PublicURL: public, Listen: "0.0.0.0:8080"}:      false,
	} {
		var log bytes.Buffer
		e := &examination{plan: planned(t, s), log: slog.New(slog.NewTextHandler(&log, nil))}
		e.warnOfProxy()
		if got := strings.Contains(log.String(), "--trusted-proxies"); got != want {
			t.Errorf("%+v: %q", s, log.String())
		}
	}
}

// TestStackInternal: all paths of a site are under one host, however its address is
// written. Half of it is likely to be a mistake.
func TestStackInternal(t *testing.T) {
	const site, api = "https://stack.example.org", "https://stack.example.org/api/2.3"
	for _, slash := range []string{"", "/", "//"} {
		d := unstarted(t, Settings{StackExchangeURL: site + slash, StackExchangeAPIURL: api + slash})
		if d.signIn.String() != site || d.api.String() != api {
			t.Errorf("with %q: %s and %s", slash, d.signIn, d.api)
		}
	}
	for s, want := range map[Settings]bool{
		{}: false,
		{StackExchangeURL: site, StackExchangeAPIURL: api}:     false,
		{StackExchangeURL: site}:                               true,
		{StackExchangeAPIURL: api}:                             true,
		{StackExchangeURL: "https://stackexchange.com/"}:       false,
		{StackExchangeAPIURL: "https://api.stackexchange.com"}: false,
		{StackExchangeURL: "https://notstackexchange.com"}:     true,
	} {
		var log bytes.Buffer
		e := &examination{plan: planned(t, s), log: slog.New(slog.NewTextHandler(&log, nil))}
		if text, err := e.stackExchange(); err != nil || strings.Contains(log.String(), "name both") != want {
			t.Errorf("%+v: %q, %s, %v", s, log.String(), text, err)
		}
	}
}

func TestLimits(t *testing.T) {
	if usual := planned(t, Settings{}).clientLimits(); usual.Requests != limit.Defaults().Requests || usual.DepositBytes != limit.Defaults().DepositBytes {
		t.Errorf("the default is %+v", usual)
	}
	if tenfold := planned(t, Settings{Limits: "10"}).clientLimits(); tenfold.Requests.Client.N != 40_000 || tenfold.Deposits != 10_000 {
		t.Errorf("ten times the limits are %+v", tenfold)
	}
	if unstarted(t, Settings{Limits: "off"}).server.Limits() != nil || unstarted(t, Settings{Limits: "0.01"}).server.Limits() == nil {
		t.Error("there are limits with off, or none with 0.01")
	}
	for _, text := range []string{"0", "-1", "nan", "inf", "1e9", "1e-9", "on", "2x"} {
		if _, err := (Settings{Limits: text}).plan(); err == nil {
			t.Errorf("--limits %s is accepted", text)
		}
	}
}

// TestBounds: bytes and waiters follow the number of entries, a client's part of
// the bytes is its part of the entries, and neither is too small for a sign-in.
func TestBounds(t *testing.T) {
	const least = 4 * (32<<10 + 256)
	for s, want := range map[Settings]struct{ bytes, client, waiters int64 }{
		{}:                                   {store.DefaultMaxBytes, limit.Defaults().DepositBytes, 20_000},
		{MaxEntries: 1_000_000}:              {10 * store.DefaultMaxBytes, limit.Defaults().DepositBytes, 200_000},
		{Limits: "5"}:                        {store.DefaultMaxBytes, store.DefaultMaxBytes / 20, 20_000},
		{Limits: "1000"}:                     {store.DefaultMaxBytes, store.DefaultMaxBytes, 20_000},
		{Limits: "0.001"}:                    {store.DefaultMaxBytes, least, 20_000},
		{MaxEntries: 2000, TTL: time.Second}: {store.DefaultMaxBytes / 50, store.DefaultMaxBytes / 100, 400},
		{MaxEntries: 1}:                      {least, least, 1},
	} {
		p := planned(t, s)
		if p.limits().MaxBytes != want.bytes || p.clientLimits().DepositBytes != want.client || int64(p.maxWaiters()) != want.waiters {
			t.Errorf("%+v: %d bytes, %d for a client, %d waiters, want %v",
				s, p.limits().MaxBytes, p.clientLimits().DepositBytes, p.maxWaiters(), want)
		}
	}
}

type addressOf string

func (addressOf) Network() string  { return "tcp" }
func (a addressOf) String() string { return string(a) }

// TestDefaultPublicURL: what a server says it is ready at leads to it.
func TestDefaultPublicURL(t *testing.T) {
	for bound, want := range map[string]string{
		"127.0.0.1:8080": "http://localhost:8080", "127.0.0.1:80": "http://localhost", "[::1]:8080": "http://localhost:8080",
		"127.0.0.2:8080": "http://127.0.0.2:8080", "127.9.9.9:80": "http://127.9.9.9",
	} {
		if got := planned(t, Settings{}).publicAt(addressOf(bound)).String(); got != want {
			t.Errorf("%s: %s, want %s", bound, got, want)
		}
	}
}

// TestPublicURLOfCertificates: an authority is asked for the canonical name,
// however the public URL is written.
func TestPublicURLOfCertificates(t *testing.T) {
	for _, public := range []string{
		"https://auth.example.org", "https://AUTH.example.org./", "https://auth.example.org.:443", "HTTPS://auth.example.org:0443",
	} {
		p := planned(t, Settings{ACMEEmail: "me@example.org", PublicURL: public})
		if got := p.public.String(); got != "https://auth.example.org" {
			t.Errorf("%s: %s", public, got)
		}
	}
}
