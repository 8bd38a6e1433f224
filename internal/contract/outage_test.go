package contract_test

import (
	"context"
	"errors"
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

	"github.com/desktop-stack-serv/dss/internal/contract"
)

// faults are what networks, proxies and an overloaded Stack Exchange answer.
var faults = map[string]http.HandlerFunc{
	"a page":                   html(200, "Welcome"),
	"Cloudflare's refusal":     html(403, "Just a moment..."),
	"Cloudflare's limit":       html(429, "error 1015"),
	"Cloudflare's limit, JSON": answers(429, `{"status":429,"error_code":1015,"error_name":"rate_limited"}`),
	"a maintenance page":       html(503, "We are offline for maintenance"),
	"a bad gateway":            html(502, "502 Bad Gateway"),
	"a gateway's 500 as JSON":  answers(500, badCode),
	"a page not found":         html(404, "no"),
	"a proxy's 407":            html(407, "no"),
	"a network's login":        html(511, "no"),
	"a redirect to a login":    redirect("https://login.example/?from=x"),
	"a redirect with an error": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "https://login.example/")
		answers(302, badCode)(w, r)
	},
	"a gateway's refusal as JSON": answers(403, `{"message":"Forbidden"}`),
	"a gateway's error as JSON":   answers(401, `{"error":{"code":401,"message":"sign in to the proxy"}}`),
	"a gateway's message":         answers(403, `{"error_message":"blocked by policy"}`),
	"a gateway's word":            answers(403, `{"error":"blocked by policy"}`),
	"another OAuth server":        answers(404, `{"error":"invalid_request"}`),
	"nothing":                     answers(200, ""),
	"nothing, as an error":        answers(400, ""),
	"an array":                    answers(200, `[]`),
	"an array, as an error":       answers(400, `[{"error":"x"}]`),
	"null":                        answers(200, `null`),
	"a number":                    answers(400, `4`),
	"an empty object":             answers(200, `{}`),
	"an empty error":              answers(400, `{}`),
	"another object":              answers(200, `{"status":"ok","items":"none"}`),
	"half an object":              answers(400, badCode[:20]),
	"two objects":                 answers(400, badCode+badCode),
	"an object in a script":       answers(200, `callback(`+wrapper+`);`),
	"a gzip that is cut": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		answers(200, "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff")(w, r)
	},
	"a gzip that is none": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		answers(400, badCode)(w, r)
	},
	"an unknown compression": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		answers(400, badCode)(w, r)
	},
	"throttled":              answers(400, apiError(502, "throttle_violation", "too many requests; more in 60 seconds")),
	"the API's own error":    answers(400, apiError(500, "internal_error", "no")),
	"the API is away":        answers(400, apiError(503, "temporarily_unavailable", "no")),
	"a block as JSON":        answers(400, apiError(403, "access_denied", "this IP is blocked")),
	"a block as a refusal":   answers(400, `{"error_message":"too many requests from this IP, more available in 46472 seconds"}`),
	"a failure as a refusal": answers(400, `{"error":{"type":"server_error","message":"try again later"}}`),
	"the server's error":     answers(400, `{"error":"server_error"}`),
	"not now":                answers(400, `{"error":"temporarily_unavailable","error_description":"no"}`),
	"an id without a name":   answers(200, `{"error_id":400}`),
}

// TestOutages: whatever a network, a proxy or an overload answers, to all
// requests or to one, is an outage, and after it nothing more is sent to that
// part of Stack Exchange.
func TestOutages(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n int
				report := over(t, roundTrip(func(r *http.Request) (*http.Response, error) {
					n++
					return fake{probeOf(r): fault}.RoundTrip(r)
				}))
				if report.Outcome != contract.Unreachable || report.Count(contract.Unreachable) != 9 || n != 2 {
					t.Errorf("%s after %d requests: %v", report.Outcome, n, report.Findings)
				}
				for _, f := range report.Findings {
					if f.Found != "" || f.Reason == "" {
						t.Errorf("%+v", f)
					}
				}
				for _, probe := range []string{code, client, token, headerToken, queryToken} {
					if report := over(t, fake{probe: fault}); report.Outcome == contract.Changed {
						t.Errorf("%s changed by this answer to %s", with(report, contract.Changed), probe)
					}
				}
			})
		})
	}
}

// TestErrorsOfTheNetwork are outages too, and say what is wrong.
func TestErrorsOfTheNetwork(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	secure := httptest.NewUnstartedServer(nil)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake
	secure.StartTLS()
	defer secure.Close()
	plain := httptest.NewServer(nil)
	defer plain.Close()
	for name, c := range map[string]struct{ address, want string }{
		"nobody listens":          {closed.URL, "refused"},
		"an unknown certificate":  {secure.URL, "certificate"},
		"plain HTTP behind https": {strings.Replace(plain.URL, "http:", "https:", 1), "HTTPS client"},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := url.Parse(c.address)
			if err != nil {
				t.Fatal(err)
			}
			report := contract.Check(t.Context(), contract.BuiltIn(), contract.Upstream{BaseURL: u, APIURL: u})
			if report.Outcome != contract.Unreachable || !strings.Contains(report.Findings[0].Reason, c.want) {
				t.Errorf("%s: %+v", report.Outcome, report.Findings[0])
			}
		})
	}
}

// endless is a body that never ends, and counts what is read of it.
type endless struct{ n *atomic.Int64 }

func (e endless) Read(p []byte) (int, error) {
	e.n.Add(int64(len(p)))
	return copy(p, strings.Repeat(" ", len(p))), nil
}

func (endless) Close() error { return nil }

// TestEndlessBodies are read no further than a real one could reach.
func TestEndlessBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		report := over(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 400, Header: http.Header{}, Body: endless{&n}, Request: r}, nil
		}))
		if report.Outcome != contract.Unreachable || n.Load() > 512<<10 {
			t.Errorf("%s after %d bytes", report.Outcome, n.Load())
		}
	})
}

// TestSilence: a check ends in bounded time, and at once with its context.
func TestSilence(t *testing.T) {
	hang := roundTrip(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		report := over(t, hang)
		if report.Outcome != contract.Unreachable || time.Since(began) != 21*time.Second {
			t.Errorf("%s after %v", report.Outcome, time.Since(began))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began, up := time.Now(), at
		up.Transport = hang
		report := contract.Check(ctx, contract.BuiltIn(), up)
		if report.Outcome != contract.Unreachable || time.Since(began) != 5*time.Second {
			t.Errorf("%s after %v", report.Outcome, time.Since(began))
		}
	})
}

// TestReasonsQuoteNothing: what a network says is not printed.
func TestReasonsQuoteNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, fail := range []roundTrip{
			func(*http.Request) (*http.Response, error) { return nil, errors.New("malformed response \"canary\"") },
			func(r *http.Request) (*http.Response, error) {
				return fake{probeOf(r): html(200, "canary")}.RoundTrip(r)
			},
		} {
			for _, f := range over(t, fail).Findings {
				if strings.Contains(f.String(), "canary") {
					t.Errorf("%s", f)
				}
			}
		}
		broken := &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset\x1b[2J by peer")}
		report := over(t, roundTrip(func(*http.Request) (*http.Response, error) { return nil, broken }))
		if strings.Contains(report.Findings[0].String(), "\x1b") {
			t.Errorf("%q", report.Findings[0].String())
		}
	})
}
