package dss_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
)

// prints are the usual ways to show something.
func prints(v any) map[string]string {
	shown := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		shown[verb] = fmt.Sprintf(verb, v)
	}
	shown["Sprint"], shown["Sprintln"] = fmt.Sprint(v), fmt.Sprintln(v)
	var text, structured bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", v, slog.Group("g", "v", v))
	slog.New(slog.NewJSONHandler(&structured, nil)).Info("x", "v", v, slog.Group("g", "v", v))
	shown["slog text"], shown["slog JSON"] = text.String(), structured.String()
	encoded, err := json.Marshal(v)
	shown["JSON"] = fmt.Sprint(string(encoded), err)
	return shown
}

func TestTokensShowNoToken(t *testing.T) {
	const canary = "canary(*TOKEN))"
	for _, expires := range []string{"", `,"expires":86400`} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{replies: []reply{code, says(http.StatusOK, `{"access_token":"`+canary+`"`+expires+`}`)}}
			token, err := f.client(t, dss.FlowRelay).SignIn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if token.AccessToken.Reveal() != canary {
				t.Errorf("the token is %q", token.AccessToken.Reveal())
			}
			type inside struct {
				Token  *dss.Token
				hidden dss.Token
				secret dss.Secret
			}
			for name, v := range map[string]any{
				"token": token, "token's value": *token, "secret": token.AccessToken, "secret's address": &token.AccessToken,
				"struct": inside{token, *token, token.AccessToken}, "slice": []dss.Secret{token.AccessToken},
				"map": map[string]*dss.Token{"a": token}, "error": fmt.Errorf("with %v", token),
			} {
				checkShown(t, name, v, canary)
			}
			for way, want := range map[string]string{"%v": "[redacted]", "%#v": "[redacted]", "%q": `"[redacted]"`, "JSON": `"[redacted]"<nil>`} {
				if got := prints(token.AccessToken)[way]; got != want {
					t.Errorf("%s: shown as %s, want %s", way, got, want)
				}
			}
		})
	}
}

// checkShown looks for secrets as they are, encoded for URLs, and in
// hexadecimal.
func checkShown(t *testing.T, name string, v any, secrets ...string) {
	t.Helper()
	for way, shown := range prints(v) {
		for _, secret := range secrets {
			for _, form := range []string{secret, url.QueryEscape(secret), fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret)} {
				if strings.Contains(shown, form) {
					t.Errorf("%s: %s shows %q: %s", name, way, form, shown)
				}
			}
		}
	}
}

func TestZeroSecret(t *testing.T) {
	var secret dss.Secret
	if secret.Reveal() != "" || fmt.Sprint(secret) != "[redacted]" {
		t.Errorf("%q, shown as %v", secret.Reveal(), secret)
	}
}

// canaries are in everything that the servers of TestErrorsShowNoSecret say.
const canaries = "canary-of-the-server"

// spy notes the secrets that are sent, and lets a server repeat them.
type spy struct {
	t      *testing.T
	reply  func(sent string) reply
	sent   []string
	honest int // how many requests are answered well first
}

// RoundTrip implements [http.RoundTripper].
func (s *spy) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == api.PathMetadata {
		return describesItself(r)
	}
	form := readForm(s.t, r)
	var now []string
	for _, name := range []string{"key", "verifier", "code", "code_verifier", "device_code"} {
		if form.Has(name) {
			now = append(now, form.Get(name))
		}
	}
	s.sent = append(s.sent, now...)
	if s.honest--; s.honest >= 0 {
		return s.answer(r.URL.Path)(r)
	}
	return s.reply(strings.Join(now, " "))(r)
}

func (s *spy) answer(path string) reply {
	if path == api.PathDeviceAuthorization {
		return says(http.StatusOK, `{"device_code":"secret-device-code","interval":5,"expires_in":60}`)
	}
	return says(http.StatusOK, `{"code":"secret-(code))"}`)
}

// TestErrorsShowNoSecret has servers and networks that repeat what they are
// sent, and tell what nobody asked for.
func TestErrorsShowNoSecret(t *testing.T) {
	said := func(status int, format string) func(string) reply {
		return func(sent string) reply {
			return says(status, strings.NewReplacer("SENT", sent, "CANARY", canaries).Replace(format))
		}
	}
	failed := func(wrap func(error) error) func(string) reply {
		return func(sent string) reply { return fails(wrap(errors.New(canaries + sent))) }
	}
	for name, reply := range map[string]func(string) reply{
		"the relay repeats":      said(http.StatusBadRequest, `{"error_name":"invalid_key","error_message":"not SENT"}`),
		"the relay's name":       said(http.StatusBadRequest, `{"error_name":"SENT"}`),
		"OAuth repeats":          said(http.StatusBadRequest, `{"error":"invalid_grant","error_description":"not SENT"}`),
		"Stack Exchange repeats": said(http.StatusBadRequest, `{"error":{"type":"invalid_request","message":"not SENT"}}`),
		"an error of success":    said(http.StatusOK, `{"error_name":"x CANARY","error_message":"SENT"}`),
		"a token in an error":    said(http.StatusBadRequest, `{"access_token":"CANARY","code":"CANARY","error":"invalid_grant"}`),
		"a token in the way":     said(http.StatusCreated, `{"access_token":"CANARY","code":"CANARY"}`),
		"a token down":           said(http.StatusBadGateway, `{"access_token":"CANARY","error":"SENT","error_description":"SENT"}`),
		"a throttled token":      said(http.StatusTooManyRequests, `{"access_token":"CANARY","error":"SENT"}`),
		"no JSON":                said(http.StatusOK, `access_token=CANARY&code=CANARY&sent=SENT`),
		"half of JSON":           said(http.StatusOK, `{"access_token":"CANARY`),
		"JSON of another kind":   said(http.StatusOK, `["CANARY","SENT"]`),
		"a token that is a list": said(http.StatusOK, `{"access_token":["CANARY"],"code":["CANARY"]}`),
		"the network repeats":    failed(func(err error) error { return err }),
		"the network wraps it": failed(func(err error) error {
			return fmt.Errorf("%w: %w", err, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED})
		}),
		"the network wraps":       failed(func(err error) error { return fmt.Errorf("dial: %w", err) }),
		"a proxy repeats":         failed(func(err error) error { return &url.Error{Op: "Post", URL: "https://x/?" + err.Error(), Err: err} }),
		"a malformed answer":      failed(func(err error) error { return fmt.Errorf("malformed HTTP response %q", err) }),
		"a wrong name in the DNS": func(string) reply { return fails(&net.DNSError{Err: "no such host", Name: "auth.example.org"}) },
	} {
		for flow, honest := range map[dss.Flow][]int{dss.FlowImplicit: {0}, dss.FlowRelay: {0, 1}, dss.FlowDevice: {0, 1}} {
			for _, honest := range honest {
				t.Run(fmt.Sprint(name, " ", flow, " ", honest), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						checkError(t, flow, &spy{t: t, reply: reply, honest: honest})
					})
				})
			}
		}
	}
}

func checkError(t *testing.T, flow dss.Flow, server *spy) {
	t.Helper()
	token, err := newClient(t, dss.Config{
		Server: "https://auth.example.org", ClientID: clientID, Flow: flow, HTTPClient: &http.Client{Transport: server},
		Prompt: func(s *dss.SignIn) error { s.Expires = time.Now().Add(time.Minute); return nil },
	}).SignIn(t.Context())
	if err == nil {
		t.Fatalf("no error but %v", token)
	}
	for _, secret := range append(server.sent, canaries) {
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%q", err)} {
			if strings.Contains(text, secret) {
				t.Errorf("the error shows %q: %s", secret, text)
			}
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("sign-in", "err", err)
	if strings.Contains(log.String(), canaries) {
		t.Errorf("the log shows a secret: %s", log.String())
	}
}

// TestMalformedAnswer has a server that speaks no HTTP, on a socket: net/http
// quotes what it got.
func TestMalformedAnswer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, `{"access_token":"`+canaries+`"}`+"\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn)
	}()
	t.Cleanup(func() { listener.Close(); <-ended })
	_, err = newClient(t, dss.Config{Server: "http://" + listener.Addr().String(), ClientID: clientID, Flow: dss.FlowDevice}).Start(t.Context())
	if !errors.Is(err, dss.ErrUnreachable) || strings.Contains(err.Error(), canaries) {
		t.Error(err)
	}
}

// TestUsefulErrors say what is wrong with the network.
func TestUsefulErrors(t *testing.T) {
	for _, c := range []struct {
		does reply
		is   error
		says string
	}{
		{refused, dss.ErrUnreachable, "dial tcp: connection refused"},
		{fails(&net.DNSError{Err: "no such host", Name: "auth.example.org"}), dss.ErrUnreachable, "lookup auth.example.org: no such host"},
		{cut, dss.ErrUnreachable, "unexpected EOF"},
		{fails(context.DeadlineExceeded), dss.ErrUnreachable, "no answer from auth.example.org in time"},
		{fails(os.ErrDeadlineExceeded), dss.ErrUnreachable, "i/o timeout"},
		{fails(errors.New("malformed HTTP response")), dss.ErrUnreachable, "no usable answer"},
		{fails(http.ErrSchemeMismatch), dss.ErrUnreachable, "server gave HTTP response to HTTPS client"},
		{busy(503, "1"), dss.ErrUnreachable, "auth.example.org answers 503 Service Unavailable"},
		{page, dss.ErrUnreachable, "auth.example.org answers 200 OK with text/html"},
		{moved, dss.ErrUnreachable, "auth.example.org answers 307 Temporary Redirect to https://elsewhere.example"},
		{busy(429, "9"), dss.ErrThrottled, "again in 9s"},
		{says(429, ""), dss.ErrThrottled, ""},
		{says(400, `{"error":"invalid_client","error_description":"no such app"}`), nil, "no such app (400 invalid_client)"},
		{says(400, `{"error":"invalid_client"}`), nil, "(400 invalid_client)"},
		{says(200, `{}`), nil, "(200)"},
		{says(418, `{}`), nil, "auth.example.org answers 418 I'm a teapot"},
	} {
		_, err := newClient(t, dss.Config{
			Server: "https://auth.example.org", ClientID: clientID, Flow: dss.FlowDevice, HTTPClient: from(c.does),
		}).Start(t.Context())
		if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, want %q, a case of %v", err, c.says, c.is)
		}
	}
}

// TestRedirectsKeepSecrets follows none, whatever the caller's client does.
func TestRedirectsKeepSecrets(t *testing.T) {
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		hosts := map[string]bool{}
		given := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			hosts[r.URL.Host] = true
			return says(status, "", "Location", "https://elsewhere.example/")(r)
		})}
		_, err := newClient(t, dss.Config{Server: "https://auth.example.org", ClientID: clientID, Flow: dss.FlowDevice, HTTPClient: given}).Start(t.Context())
		if !errors.Is(err, dss.ErrUnreachable) || !maps.Equal(hosts, map[string]bool{"auth.example.org": true}) {
			t.Errorf("%d: %v, asked %v", status, err, hosts)
		}
		if given.CheckRedirect != nil {
			t.Error("the caller's client was changed")
		}
	}
}
