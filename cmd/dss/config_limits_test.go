package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/limit"
)

// parsed returns the settings of a command line.
func parsed(t *testing.T, line string) *config {
	t.Helper()
	c := &config{}
	f := &cli.Flags{}
	c.flags(f)
	if _, err := f.Parse(strings.Fields(line), func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	if err := c.check(f.Given()); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestWarnOfProxy: a server behind a proxy that nobody has named says so, and
// no other does.
func TestWarnOfProxy(t *testing.T) {
	for line, want := range map[string]bool{
		"":                                      false,
		"--public-url http://localhost":         false,
		"--public-url https://auth.example.org": true,
		"--public-url https://auth.example.org --limits off":                        false,
		"--public-url https://auth.example.org --trusted-proxies 127.0.0.1":         false,
		"--public-url https://auth.example.org --listen 0.0.0.0:8080":               false,
		"--public-url http://auth.example.org --listen 0.0.0.0:8080 --behind-proxy": true,
	} {
		c := parsed(t, line)
		c.bound(addressOf("127.0.0.1:8080"))
		var log bytes.Buffer
		c.warnOfProxy(slog.New(slog.NewTextHandler(&log, nil)))
		if got := strings.Contains(log.String(), "--trusted-proxies"); got != want {
			t.Errorf("%s: %q", line, log.String())
		}
	}
}

type addressOf string

func (addressOf) Network() string  { return "tcp" }
func (a addressOf) String() string { return string(a) }

func TestLimitFlags(t *testing.T) {
	c := parsed(t, "--limit-requests 5/2h --limit-requests-total off --limit-user-codes 7/1m --limit-deposits 0 --limit-waiters 9 --limit-connections 8")
	if c.limit.Requests.Client.String() != "5/2h" || c.limit.UserCodes.Client.String() != "7/1m" || c.limit.Requests.Total.N != 0 ||
		c.limit.UserCodes.Total != limit.Defaults().UserCodes.Total || c.limit.Deposits != 0 || c.limit.Waiters != 9 || c.limit.Connections != 8 {
		t.Errorf("%+v", c.limit)
	}
	off := parsed(t, "--limits off")
	if c.clientLimits() == nil || off.clientLimits() != nil {
		t.Error("limits are not what was asked for")
	}
	if parsed(t, "").limit.Requests != limit.Defaults().Requests {
		t.Error("the defaults are others")
	}
}

// TestDepositBytes: a client's part of --max-bytes is its part of --max-entries,
// and never too small for a sign-in.
func TestDepositBytes(t *testing.T) {
	const least = 4 * (32<<10 + 256)
	for line, want := range map[string]int64{
		"":                        limit.Defaults().DepositBytes,
		"--max-bytes 1GiB":        (1 << 30) / 100,
		"--limit-deposits 5000":   (64 << 20) / 20,
		"--limit-deposits 500000": 64 << 20,
		"--limit-deposits 2":      least,
		"--max-bytes 1MiB":        least,
		"--limit-deposits 0":      0,
		"--max-entries 5000000":   least,
	} {
		if got := parsed(t, line).depositBytes(); got != want {
			t.Errorf("%q: %d bytes for a client, want %d", line, got, want)
		}
	}
}

// TestDefaultPublicURL: what a server says it is ready at leads to it.
func TestDefaultPublicURL(t *testing.T) {
	for bound, want := range map[string]string{
		"127.0.0.1:8080": "http://localhost:8080", "127.0.0.1:80": "http://localhost", "[::1]:8080": "http://localhost:8080",
		"127.0.0.2:8080": "http://127.0.0.2:8080", "127.9.9.9:80": "http://127.9.9.9",
	} {
		var c config
		c.bound(addressOf(bound))
		if got := c.public.String(); got != want {
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
		c := parsed(t, "--acme-email me@example.org --store memory: --cert-dir "+t.TempDir()+" --public-url "+public)
		if got := c.public.String(); got != "https://auth.example.org" {
			t.Errorf("%s: %s", public, got)
		}
	}
}
