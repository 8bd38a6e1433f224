package doctor_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/doctor"
	"github.com/desktop-stack-serv/dss/internal/fetch"
	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/test/selfsigned"
)

// metadata is what a server says of itself.
func metadata(issuer string) string {
	return fmt.Sprintf(`{"issuer":%[1]q,"authorization_endpoint":"%[1]s/oauth/authorize","token_endpoint":"%[1]s/oauth/token",`+
		`"device_authorization_endpoint":"%[1]s/oauth/device_authorization","revocation_endpoint":"%[1]s/oauth/revoke"}`, issuer)
}

// line returns a finding in short.
func line(f doctor.Finding) string {
	return strings.Join([]string{string(f.Status), f.Detail, f.Change}, " | ")
}

func parse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := origin.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// check returns the findings of CheckServer by their checks.
func check(t *testing.T, client *http.Client, address string) map[string]doctor.Finding {
	t.Helper()
	found, err := doctor.CheckServer(t.Context(), fetch.New(client), parse(t, address))
	if err != nil {
		t.Fatal(err)
	}
	findings := map[string]doctor.Finding{}
	for _, f := range found {
		if f.Status == doctor.Problem && f.Change == "" {
			t.Errorf("it does not say what to change: %+v", f)
		}
		findings[f.Check] = f
	}
	return findings
}

func TestCheckServer(t *testing.T) {
	for name, tt := range map[string]struct {
		serve func(w http.ResponseWriter, self string)
		check string
		want  string // in the line
		kind  error
	}{
		"right": {func(w http.ResponseWriter, self string) { fmt.Fprint(w, metadata(self)) }, "server", "ok | http://127.0.0.1:", nil},
		"metadata": {
			func(w http.ResponseWriter, self string) { fmt.Fprint(w, metadata(self)) },
			"metadata", "ok | issuer and endpoints", nil,
		},
		"other name": {
			func(w http.ResponseWriter, _ string) { fmt.Fprint(w, metadata("https://auth.example.org")) },
			"metadata", "calls itself https://auth.example.org | Set --server to https://auth.example.org if", dss.ErrWrongServer,
		},
		"slash at the end": {
			func(w http.ResponseWriter, self string) { fmt.Fprint(w, metadata(self+"/")) },
			"metadata", "problem | the server at http://127.0.0.1:", dss.ErrWrongServer,
		},
		"control characters": {
			func(w http.ResponseWriter, _ string) {
				fmt.Fprint(w, `{"issuer":"https://auth.example.org/\u202ex"}`)
			},
			"metadata", "calls itself https://auth.example.org/x |", dss.ErrWrongServer,
		},
		"endless name": {
			func(w http.ResponseWriter, _ string) {
				fmt.Fprint(w, metadata("https://auth.example.org/"+strings.Repeat("x", 9000)))
			},
			"metadata", "xxx | Set --server to https://auth.example.org/xxx", dss.ErrWrongServer,
		},
		"another OAuth server": {
			func(w http.ResponseWriter, self string) {
				fmt.Fprint(w, strings.ReplaceAll(metadata(self), "/oauth/token", "/realms/x/token"))
			},
			"metadata", "its token_endpoint is http://127.0.0.1:", nil,
		},
		"no device endpoint": {
			func(w http.ResponseWriter, self string) {
				fmt.Fprint(w, strings.ReplaceAll(metadata(self), "device_authorization_endpoint", "x"))
			},
			"metadata", "its device_authorization_endpoint is missing instead of", nil,
		},
		"portal": {
			func(w http.ResponseWriter, _ string) {
				w.Header().Set("Content-Type", "text/html")
				fmt.Fprint(w, "<!doctype html><title>Log in to the hotel</title>")
			},
			"server", "answers 200 OK with text/html | Correct --server; or, if a network's login page", dss.ErrUnreachable,
		},
		"portal elsewhere": {
			func(w http.ResponseWriter, _ string) {
				w.Header().Set("Location", "http://portal.example/login?secret")
				w.WriteHeader(http.StatusFound)
			},
			"server", "answers 302 Found to http://portal.example | Correct --server; or", dss.ErrUnreachable,
		},
		"JSON of something else": {
			func(w http.ResponseWriter, _ string) { fmt.Fprint(w, `{"status":"UP"}`) },
			"server", "there is no DSS server", dss.ErrUnreachable,
		},
		"garbage": {
			func(w http.ResponseWriter, _ string) { fmt.Fprint(w, "\x00\xff\x1b[2J") },
			"server", "there is no DSS server", dss.ErrUnreachable,
		},
		"list": {func(w http.ResponseWriter, _ string) { fmt.Fprint(w, `[]`) }, "server", "there is no DSS server", dss.ErrUnreachable},
		"redirect to the canonical name": {
			func(w http.ResponseWriter, _ string) {
				w.Header().Set("Location", "https://auth.example.org/.well-known/oauth-authorization-server")
				w.WriteHeader(http.StatusPermanentRedirect)
			},
			"server", "redirects to https://auth.example.org | Set --server to https://auth.example.org if", nil,
		},
		"redirect to itself": {
			func(w http.ResponseWriter, issuer string) {
				w.Header().Set("Location", issuer+"/.well-known/oauth-authorization-server")
				w.WriteHeader(http.StatusFound)
			},
			"server", "| Have whoever runs the server end this redirect", dss.ErrUnreachable,
		},
		"unknown name": {
			func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusMisdirectedRequest) },
			"server", "| Set --server to the server's public URL", dss.ErrUnreachable,
		},
		"password": {
			func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusUnauthorized) },
			"server", "| Have whatever is in front", dss.ErrUnreachable,
		},
		"throttled": {
			func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusTooManyRequests) },
			"server", "warning | 127.0.0.1:", nil,
		},
		"down": {
			func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusBadGateway) },
			"server", "answers 502 Bad Gateway | Try again", dss.ErrUnreachable,
		},
		"hangs up": {
			func(http.ResponseWriter, string) { panic(http.ErrAbortHandler) },
			"server", "cannot be used: EOF |", dss.ErrUnreachable,
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				tt.serve(w, "http://"+r.Host)
			}))
			defer server.Close()
			f := check(t, nil, server.URL)[tt.check]
			if !strings.Contains(line(f), tt.want) || !errors.Is(f.Err, tt.kind) {
				t.Errorf("%s (%v)", line(f), f.Err)
			}
			if len(line(f)) > 1000 || strings.ContainsAny(line(f), "\x1b\x00\u202e") {
				t.Errorf("not fit to be shown: %q", line(f))
			}
		})
	}
}

func TestCheckClocks(t *testing.T) {
	for _, tt := range []struct {
		ahead  time.Duration // the server's clock
		header string        // instead
		want   string
	}{
		{0, "", "ok | this machine's clock and the server's agree | "},
		{20 * time.Second, "", "ok |"},
		{-20 * time.Second, "", "ok |"},
		{2 * time.Minute, "", "warning | this machine's clock is behind the server's by "},
		{-2 * time.Minute, "", "warning | this machine's clock is ahead of the server's by "},
		{24 * time.Hour, "", "problem | this machine's clock is behind the server's by "},
		{-24 * time.Hour, "", "problem | this machine's clock is ahead of the server's by "},
		{0, "soon", "info | the server does not say what time it is"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			date := time.Now().Add(tt.ahead).UTC().Format(http.TimeFormat)
			if tt.header != "" {
				date = tt.header
			}
			w.Header().Set("Date", date)
			fmt.Fprint(w, metadata("http://"+r.Host))
		}))
		if got := line(check(t, nil, server.URL)[doctor.Clocks]); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%v: %s", tt.ahead, got)
		}
		server.Close()
	}
}

// TestOldAnswer comes from a cache, with a Date of an hour ago.
func TestOldAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		w.Header().Set("Age", "3600")
		fmt.Fprint(w, metadata("http://"+r.Host))
	}))
	defer server.Close()
	if f := check(t, nil, server.URL)[doctor.Clocks]; f.Status != doctor.OK {
		t.Errorf("%+v", f)
	}
}

func TestTLS(t *testing.T) {
	now := time.Now()
	for name, tt := range map[string]struct {
		until   time.Duration
		names   []string
		trusted bool
		want    string
	}{
		"good":         {90 * 24 * time.Hour, []string{"127.0.0.1"}, true, "ok | https://127.0.0.1:"},
		"soon over":    {24 * time.Hour, []string{"127.0.0.1"}, true, "| Have whoever runs the server renew the certificate."},
		"over":         {-time.Hour, []string{"127.0.0.1"}, true, "| Set this machine's clock; if it is right, have"},
		"another name": {90 * 24 * time.Hour, []string{"auth.example.org"}, true, "| Set --server to a name that the certificate has"},
		"unknown":      {90 * 24 * time.Hour, []string{"127.0.0.1"}, false, "| Have the server send its whole chain"},
	} {
		t.Run(name, func(t *testing.T) {
			pair, err := selfsigned.New(now.Add(-48*time.Hour), now.Add(tt.until), tt.names...)
			if err != nil {
				t.Fatal(err)
			}
			certificate, err := tls.X509KeyPair(pair.Public, pair.Private)
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprint(w, metadata("https://"+r.Host))
			}))
			server.Config.ErrorLog = discard
			server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
			server.StartTLS()
			defer server.Close()
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{}}}
			if tt.trusted {
				client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pair.Roots()}}
			}
			f := check(t, client, server.URL)[doctor.Server]
			if !strings.Contains(line(f), tt.want) {
				t.Error(line(f))
			}
			if f.Status == doctor.OK && !strings.Contains(f.Detail, "TLS 1.3; its certificate is good until "+now.Add(tt.until).UTC().Format(time.DateOnly)) {
				t.Error(line(f))
			}
		})
	}
}

// TestNoServer: nobody listens, nobody has the name, or the proxy is away.
func TestNoServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	listener.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	noName := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "auth.example.org", IsNotFound: true}
	}}
	away := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", User: url.UserPassword("me", "hunter2"), Host: closed})}
	for _, tt := range []struct {
		address   string
		transport *http.Transport
		want      string
	}{
		{"http://" + closed, &http.Transport{}, "| Start the server, or correct host and port"},
		{"https://auth.example.org", noName, "| Correct the name in --server"},
		{"https://auth.example.org", away, "| Correct the proxy in HTTPS_PROXY"},
		{strings.Replace(plain.URL, "http:", "https:", 1), &http.Transport{}, "| Correct the port in --server, or have the server speak TLS"},
	} {
		f := check(t, &http.Client{Transport: tt.transport}, tt.address)[doctor.Server]
		if !strings.Contains(line(f), tt.want) || !errors.Is(f.Err, dss.ErrUnreachable) || strings.Contains(line(f), "hunter2") {
			t.Errorf("%s: %s", tt.address, line(f))
		}
	}
}

func TestInterruptedCheck(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if found, err := doctor.CheckServer(ctx, fetch.New(nil), parse(t, "https://auth.example.org")); err == nil {
		t.Errorf("%+v", found)
	}
}
