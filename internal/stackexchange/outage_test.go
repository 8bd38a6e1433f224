package stackexchange_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/test/outage"
)

// counted counts the bytes that a client reads.
type counted struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func TestOutages(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the redirect was followed: %s", r.URL)
	}))
	defer target.Close()
	for name, fault := range map[string]outage.Fault{
		"500":       {Kind: outage.Status, Status: 500},
		"503":       {Kind: outage.Status, Status: 503},
		"429":       {Kind: outage.Status, Status: 429},
		"400":       {Kind: outage.Status, Status: 400},
		"garbage":   {Kind: outage.Garbage},
		"huge":      {Kind: outage.Huge},
		"gzip bomb": {Kind: outage.GzipBomb},
		"redirect":  {Kind: outage.Redirect, Target: target.URL + "/elsewhere"},
		"no target": {Kind: outage.Redirect},
		"bad URL":   {Kind: outage.Redirect, Target: "http://%zz/" + canaryToken + canaryCode},
	} {
		for method, call := range methods {
			t.Run(name+"/"+method, func(t *testing.T) {
				u := newUpstream(t)
				transport := &http.Transport{}
				defer transport.CloseIdleConnections()
				var read atomic.Int64
				c := clientOf(t, u.origin, roundTrip(func(r *http.Request) (*http.Response, error) {
					response, err := transport.RoundTrip(r)
					if err == nil {
						response.Body = counted{response.Body, &read}
					}
					return response, err
				}))
				for _, class := range outage.Classes {
					u.sandbox.SetFault(class, fault)
				}
				checkUnavailable(t, call(t.Context(), c))
				if read.Load() > 128<<10 {
					t.Errorf("%d bytes were read", read.Load())
				}
				for _, class := range outage.Classes {
					u.sandbox.SetFault(class, outage.Fault{})
				}
				if err := call(t.Context(), c); errors.Is(err, stackexchange.ErrUnavailable) {
					t.Errorf("after the outage: %v", err)
				}
			})
		}
	}
}

func TestHangEndsWithTheContext(t *testing.T) {
	for method, call := range methods {
		t.Run(method, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			s := outage.New()
			for _, class := range outage.Classes {
				s.SetFault(class, outage.Fault{Kind: outage.Hang})
			}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // or the server would not see the client go
				leave()
				s.ServeHTTP(w, r)
			}))
			defer server.Close()
			err := call(ctx, clientOf(t, server.URL, nil))
			checkUnavailable(t, err)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want context.Canceled too", err)
			}
		})
	}
}

// hang answers nothing until the request's context ends.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

type hangingBody struct{ ctx context.Context }

func (b hangingBody) Read([]byte) (int, error) {
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}

func TestEveryCallIsBoundedInTime(t *testing.T) {
	for name, transport := range map[string]roundTrip{
		"no answer": hang,
		"no body": func(r *http.Request) (*http.Response, error) {
			answer := response(200, "")
			answer.Body = io.NopCloser(hangingBody{r.Context()})
			return answer, nil
		},
	} {
		for method, call := range methods {
			t.Run(name+"/"+method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					checkUnavailable(t, call(t.Context(), clientOf(t, "http://upstream.invalid", transport)))
					if took := time.Since(start); took != 10*time.Second {
						t.Errorf("took %v, want 10s", took)
					}
				})
			})
		}
	}
}

func TestErrorsOfTheTransportAreSilent(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	for method, call := range methods {
		err := call(t.Context(), clientOf(t, closed.URL, nil))
		checkUnavailable(t, err)
		if !strings.Contains(err.Error(), "refused") {
			t.Errorf("error %v does not say that the connection is refused", err)
		}
		for name, fail := range map[string]func(*http.Request) error{
			"quoting": func(r *http.Request) error { return fmt.Errorf("lost %s %v", r.URL, r.Header) },
			"what the network said": func(r *http.Request) error {
				return &net.OpError{Op: "dial", Err: errors.New(r.URL.String() + r.Header.Get("Authorization"))}
			},
			"a URL error": func(r *http.Request) error { return &url.Error{Op: "Get", URL: r.URL.String(), Err: io.EOF} },
			"what upstream said": func(*http.Request) error {
				return errors.New("malformed HTTP response \"" + canaryCode + canaryToken + verifier + "\"")
			},
		} {
			t.Run(method+"/"+name, func(t *testing.T) {
				c := clientOf(t, "http://upstream.invalid", roundTrip(func(r *http.Request) (*http.Response, error) {
					return nil, fail(r)
				}))
				checkUnavailable(t, call(t.Context(), c))
			})
		}
	}
}

func TestUnpacking(t *testing.T) {
	var sealed bytes.Buffer
	compressor := gzip.NewWriter(&sealed)
	_, _ = io.WriteString(compressor, `{"access_token":"t"}`)
	if err := compressor.Close(); err != nil {
		t.Fatal(err)
	}
	var framed, bare bytes.Buffer
	for packer, open := range map[*bytes.Buffer]func() (io.WriteCloser, error){
		&framed: func() (io.WriteCloser, error) { return zlib.NewWriter(&framed), nil },
		&bare:   func() (io.WriteCloser, error) { return flate.NewWriter(&bare, flate.BestSpeed) },
	} {
		w, err := open()
		if err == nil {
			_, err = io.WriteString(w, `{"access_token":"t"}`)
		}
		if err = errors.Join(err, w.Close()); err != nil || packer.Len() == 0 {
			t.Fatal(err)
		}
	}
	var empty bytes.Buffer
	if err := gzip.NewWriter(&empty).Close(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		encoding, body string
		good           bool
	}{
		"sealed":        {"gzip", sealed.String(), true},
		"plain":         {"", `{"access_token":"t"}`, true},
		"capitals":      {"GZIP", sealed.String(), true},
		"no header":     {"", sealed.String(), true},
		"identity":      {"identity", sealed.String(), true},
		"deflate":       {"deflate", framed.String(), true},
		"bare deflate":  {"deflate", bare.String(), true},
		"not deflate":   {"deflate", `{"access_token":"t"}`, false},
		"cut deflate":   {"deflate", framed.String()[:framed.Len()-4], false},
		"cut, unnamed":  {"", sealed.String()[:sealed.Len()-4], false},
		"cut":           {"gzip", sealed.String()[:sealed.Len()-4], false},
		"not sealed":    {"gzip", `{"access_token":"t"}`, false},
		"unknown":       {"br", `{"access_token":"t"}`, false},
		"empty members": {"gzip", strings.Repeat(empty.String(), 64<<10) + sealed.String(), false},
	} {
		t.Run(name, func(t *testing.T) {
			c := clientOf(t, "http://upstream.invalid", roundTrip(func(*http.Request) (*http.Response, error) {
				answer := response(200, tt.body)
				answer.Header.Set("Content-Encoding", tt.encoding)
				return answer, nil
			}))
			_, err := c.Redeem(t.Context(), redemption(secret.New(canaryCode)))
			if tt.good && err != nil {
				t.Error(err)
			}
			if !tt.good {
				checkUnavailable(t, err)
			}
		})
	}
}

func TestTLSIsVerified(t *testing.T) {
	server := httptest.NewUnstartedServer(outage.New())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake
	server.StartTLS()
	defer server.Close()
	for _, call := range methods {
		err := call(t.Context(), clientOf(t, server.URL, nil))
		checkUnavailable(t, err)
		if !strings.Contains(err.Error(), "certificate") {
			t.Errorf("error %v does not name the certificate", err)
		}
	}
}
