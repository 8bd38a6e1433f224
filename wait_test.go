package dss_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
)

// reply is what a fake server does with a request.
type reply func(*http.Request) (*http.Response, error)

// fake answers requests in turn, the last reply again and again, and notes
// when it was asked. Metadata and device authorizations do not count.
type fake struct {
	replies []reply
	device  string // the answer to a device authorization
	started time.Time
	asked   []time.Duration
}

// RoundTrip implements [http.RoundTripper].
func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	switch r.URL.Path {
	case api.PathMetadata:
		return describesItself(r)
	case api.PathDeviceAuthorization:
		return says(http.StatusOK, f.device)(r)
	}
	f.asked = append(f.asked, time.Since(f.started))
	next := f.replies[0]
	if len(f.replies) > 1 {
		f.replies = f.replies[1:]
	}
	return next(r)
}

// says answers, with headers in pairs.
func says(status int, body string, headers ...string) reply {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{}
		for pair := range slices.Chunk(headers, 2) {
			h.Set(pair[0], pair[1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

// describesItself answers a request for metadata.
func describesItself(r *http.Request) (*http.Response, error) {
	server := r.URL.Scheme + "://" + r.URL.Host
	return says(http.StatusOK, `{"issuer":"`+server+`","token_endpoint":"`+server+api.PathOAuthToken+`"}`)(r)
}

// from answers as reply does, once the server has described itself.
func from(reply reply) *http.Client {
	return &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == api.PathMetadata {
			return describesItself(r)
		}
		return reply(r)
	})}
}

func fails(err error) reply {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// hangs lasts until the client gives up.
func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// held is a reply that takes its time.
func held(d time.Duration, next reply) reply {
	return func(r *http.Request) (*http.Response, error) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return next(r)
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

// cut breaks off in the middle of the body.
func cut(r *http.Request) (*http.Response, error) {
	body := io.MultiReader(strings.NewReader(`{"access_to`), brokenReader{})
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(body), Request: r}, nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// The replies of DSS and of Stack Exchange.
var (
	refused  = fails(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED})
	nothing  = says(http.StatusNotFound, `{"error_name":"no_token","error_message":"not yet"}`)
	implicit = says(http.StatusOK, `{"access_token":"T"}`)
	code     = says(http.StatusOK, `{"code":"C(1)"}`)
	redeemed = says(http.StatusOK, `{"access_token":"T","expires":86400}`)
	pending  = says(http.StatusBadRequest, `{"error":"authorization_pending"}`)
	slowDown = says(http.StatusBadRequest, `{"error":"slow_down"}`)
	granted  = says(http.StatusOK, `{"access_token":"T","token_type":"Bearer","expires_in":86400}`)
	page     = says(http.StatusOK, `<!doctype html><title>Log in to this network</title>`, "Content-Type", "text/html; charset=utf-8")
	moved    = says(http.StatusTemporaryRedirect, ``, "Location", "https://elsewhere.example/")
)

func busy(status int, retryAfter string) reply {
	return says(status, `{"error_name":"x","error_message":"y"}`, "Retry-After", retryAfter)
}

const someDevice = `{"device_code":"a-device-code","user_code":"BCDF-GHJK","verification_uri":"https://auth.example.org/device","interval":5,"expires_in":900}`

// seconds are the times of requests.
func seconds(times ...time.Duration) []time.Duration {
	for i := range times {
		times[i] *= time.Second
	}
	return times
}

// TestDelays pins when the client asks.
func TestDelays(t *testing.T) {
	for _, tt := range []struct {
		name    string
		flow    dss.Flow
		replies []reply
		want    []time.Duration
	}{
		{"at once", dss.FlowImplicit, []reply{implicit}, seconds(0)},
		{"nothing yet", dss.FlowImplicit, []reply{nothing, nothing, implicit}, seconds(0, 1, 2)},
		{"nothing for long", dss.FlowImplicit, []reply{held(20*time.Second, nothing), held(9*time.Second, implicit)}, seconds(0, 21)},
		{"connection refused", dss.FlowImplicit, []reply{refused, refused, refused, refused, refused, refused, implicit}, seconds(0, 1, 3, 7, 15, 30, 45)},
		{"the delay starts over", dss.FlowImplicit, []reply{refused, refused, nothing, refused, implicit}, seconds(0, 1, 3, 4, 5)},
		{"the answer breaks off", dss.FlowImplicit, []reply{cut, cut, implicit}, seconds(0, 1, 3)},
		{"no answer in time", dss.FlowImplicit, []reply{hangs, hangs, implicit}, seconds(0, 26, 53)},
		{"a page of the network's", dss.FlowImplicit, []reply{page, implicit}, seconds(0, 1)},
		{"a redirect", dss.FlowImplicit, []reply{moved, implicit}, seconds(0, 1)},
		{"an error without JSON", dss.FlowImplicit, []reply{says(http.StatusBadGateway, "<h1>Bad gateway</h1>"), implicit}, seconds(0, 1)},
		{"a restart", dss.FlowImplicit, []reply{busy(503, "5"), busy(503, "5"), busy(503, "3"), implicit}, seconds(0, 5, 10, 14)},
		{"throttled", dss.FlowImplicit, []reply{busy(429, "30"), implicit}, seconds(0, 30)},
		{"throttled for an hour", dss.FlowImplicit, []reply{busy(429, "3600"), implicit}, seconds(0, 60)},
		{"throttled for ever", dss.FlowImplicit, []reply{busy(429, "99999999999"), implicit}, seconds(0, 60)},
		{"throttled for less than nothing", dss.FlowImplicit, []reply{busy(429, "-5"), implicit}, seconds(0, 1)},
		{"throttled until a date", dss.FlowImplicit, []reply{busy(429, "Sat, 01 Jan 2000 00:00:09 GMT"), implicit}, seconds(0, 9)},
		{"throttled without a word", dss.FlowImplicit, []reply{says(429, ""), implicit}, seconds(0, 1)},

		{"redeemed at once", dss.FlowRelay, []reply{code, redeemed}, seconds(0, 0)},
		{"Stack Exchange is down", dss.FlowRelay, []reply{nothing, code, busy(503, "2"), refused, redeemed}, seconds(0, 1, 1, 3, 5)},

		{"device at once", dss.FlowDevice, []reply{granted}, seconds(5)},
		{"device pending", dss.FlowDevice, []reply{pending, pending, granted}, seconds(5, 10, 15)},
		{"device slower", dss.FlowDevice, []reply{slowDown, pending, slowDown, pending, granted}, seconds(5, 15, 25, 40, 55)},
		// RFC 8628 section 3.5: less often, not more.
		{"device without network", dss.FlowDevice, []reply{refused, refused, refused, pending, granted}, seconds(5, 15, 30, 45, 50)},
		{"device and a slow network", dss.FlowDevice, []reply{slowDown, refused, refused, pending, granted}, seconds(5, 15, 35, 55, 65)},
		{"device and no answer in time", dss.FlowDevice, []reply{hangs, granted}, seconds(5, 40)},
		{"device throttled", dss.FlowDevice, []reply{busy(429, "30"), pending, granted}, seconds(5, 35, 40)},
		{"device and a restart", dss.FlowDevice, []reply{busy(503, "5"), granted}, seconds(5, 15)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{replies: tt.replies, device: someDevice, started: time.Now()}
				got, err := f.client(t, tt.flow).SignIn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if got.AccessToken.Reveal() != "T" {
					t.Errorf("token %q", got.AccessToken.Reveal())
				}
				if !slices.Equal(f.asked, tt.want) {
					t.Errorf("asked at %v, want %v", f.asked, tt.want)
				}
			})
		})
	}
}

// client returns one whose user is somebody else's matter.
func (f *fake) client(t *testing.T, flow dss.Flow) *dss.Client {
	t.Helper()
	return newClient(t, dss.Config{
		Server: "https://auth.example.org", StackExchange: "https://stackexchange.example", ClientID: clientID, Flow: flow,
		Prompt: nobody, HTTPClient: &http.Client{Transport: f},
	})
}

func TestPollInterval(t *testing.T) {
	for name, tt := range map[string]struct {
		answer string
		want   []time.Duration
	}{
		"none":     {`{"device_code":"a-device-code"}`, seconds(5, 10)},
		"zero":     {`{"device_code":"a-device-code","interval":0}`, seconds(5, 10)},
		"negative": {`{"device_code":"a-device-code","interval":-1}`, seconds(5, 10)},
		"one":      {`{"device_code":"a-device-code","interval":1}`, seconds(1, 2)},
		"seven":    {`{"device_code":"a-device-code","interval":7}`, seconds(7, 14)},
		"for ever": {`{"device_code":"a-device-code","interval":9223372036854775807}`, seconds(60, 120)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{replies: []reply{pending, granted}, device: tt.answer, started: time.Now()}
				if _, err := f.client(t, dss.FlowDevice).SignIn(t.Context()); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(f.asked, tt.want) {
					t.Errorf("asked at %v, want %v", f.asked, tt.want)
				}
			})
		})
	}
}

// TestExpiry pins what a sign-in ends with when its time is over.
func TestExpiry(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flow  dss.Flow
		reply reply
		want  error
	}{
		{"nobody came", dss.FlowImplicit, nothing, dss.ErrExpired},
		{"nobody came in a long poll", dss.FlowImplicit, held(20*time.Second, nothing), dss.ErrExpired},
		{"no answer at all", dss.FlowImplicit, hangs, dss.ErrUnreachable},
		{"connection refused", dss.FlowImplicit, refused, dss.ErrUnreachable},
		{"connection refused", dss.FlowImplicit, refused, syscall.ECONNREFUSED},
		{"an answer that breaks off", dss.FlowImplicit, cut, dss.ErrUnreachable},
		{"another's page", dss.FlowImplicit, page, dss.ErrUnreachable},
		{"a redirect", dss.FlowImplicit, moved, dss.ErrUnreachable},
		{"a server that is down", dss.FlowImplicit, busy(503, "5"), dss.ErrUnreachable},
		{"throttled", dss.FlowImplicit, busy(429, "7"), dss.ErrThrottled},
		{"device: nobody came", dss.FlowDevice, pending, dss.ErrExpired},
		{"device: too fast", dss.FlowDevice, slowDown, dss.ErrExpired},
		{"device: no answer at all", dss.FlowDevice, hangs, dss.ErrUnreachable},
		{"device: connection refused", dss.FlowDevice, refused, dss.ErrUnreachable},
		{"device: throttled", dss.FlowDevice, busy(429, "7"), dss.ErrThrottled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{replies: []reply{tt.reply}, device: someDevice, started: time.Now()}
				got, err := f.client(t, tt.flow).SignIn(t.Context())
				if got != nil || !errors.Is(err, tt.want) || tt.want != dss.ErrExpired && errors.Is(err, dss.ErrExpired) {
					t.Errorf("%v, %v, want %v", got, err, tt.want)
				}
				if errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v looks like the caller's context", err)
				}
				if throttled, ok := errors.AsType[*dss.ThrottledError](err); errors.Is(err, dss.ErrThrottled) && (!ok || throttled.RetryAfter != 7*time.Second) {
					t.Errorf("no delay in %#v", err)
				}
				want := 15 * time.Minute
				if tt.name == "device: no answer at all" {
					want += dss.EndTime // for the poll that may bring a token
				}
				if took := time.Since(f.started); took != want {
					t.Errorf("that took %v, want %v", took, want)
				}
			})
		})
	}
}

// TestExpiresIsTheCallersToChange gives up sooner.
func TestExpiresIsTheCallersToChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{replies: []reply{nothing}, started: time.Now()}
		s, err := f.client(t, dss.FlowImplicit).Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.Expires = time.Now().Add(2500 * time.Millisecond)
		if _, err := s.Wait(t.Context()); !errors.Is(err, dss.ErrExpired) || time.Since(f.started) != 2500*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(f.started))
		}
	})
}

// TestDeviceExpiry takes the time from the server.
func TestDeviceExpiry(t *testing.T) {
	for answer, want := range map[string]time.Duration{
		`{"device_code":"a-device-code","expires_in":60}`:                                time.Minute,
		`{"device_code":"a-device-code"}`:                                                15 * time.Minute,
		`{"device_code":"a-device-code","interval":60,"expires_in":9223372036854775807}`: 24 * time.Hour,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{replies: []reply{pending}, device: answer, started: time.Now()}
			if _, err := f.client(t, dss.FlowDevice).SignIn(t.Context()); !errors.Is(err, dss.ErrExpired) || time.Since(f.started) != want {
				t.Errorf("%s: %v after %v, want %v", answer, err, time.Since(f.started), want)
			}
		})
	}
}

var errGaveUp = errors.New("the user closed the window")

// givingUp ends the caller's context in every way after d.
var givingUp = map[string]struct {
	context func(parent context.Context, d time.Duration) (context.Context, context.CancelFunc)
	want    error
}{
	"cancelled": {func(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(parent)
		time.AfterFunc(d, cancel)
		return ctx, cancel
	}, context.Canceled},
	"cancelled for a reason": {func(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancelCause(parent)
		time.AfterFunc(d, func() { cancel(errGaveUp) })
		return ctx, func() { cancel(nil) }
	}, errGaveUp},
	"out of time": {context.WithTimeout, context.DeadlineExceeded},
}

// TestContextEnds gives up between two requests and during one. The bubble
// fails the test if a goroutine is left.
func TestContextEnds(t *testing.T) {
	const after = 17500 * time.Millisecond
	for _, flow := range []dss.Flow{dss.FlowLoopback, dss.FlowRelay, dss.FlowImplicit, dss.FlowDevice} {
		for during, does := range map[string]reply{"hang": hangs, "waiting": nothing, "pending": pending, "trouble": refused, "throttle": busy(429, "60")} {
			if flow == dss.FlowDevice && during == "waiting" || flow != dss.FlowDevice && during == "pending" {
				continue
			}
			for name, end := range givingUp {
				t.Run(string(flow)+" "+during+" "+name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						f := &fake{replies: []reply{does}, device: someDevice, started: time.Now()}
						client := f.client(t, flow)
						client.SetListen(newPipes().listen)
						ctx, cancel := end.context(t.Context(), after)
						defer cancel()
						if got, err := client.SignIn(ctx); got != nil || !errors.Is(err, end.want) || errors.Is(err, dss.ErrExpired) {
							t.Errorf("%v, %v, want %v", got, err, end.want)
						}
						longest := after
						switch {
						case flow == dss.FlowDevice && during == "hang":
							longest += 2 * dss.EndTime // for the poll that may bring a token, and for the end at the server
						case flow == dss.FlowLoopback && during == "hang":
							longest += dss.EndTime // for the end at the server
						}
						if took := time.Since(f.started); took != longest {
							t.Errorf("that took %v, want %v", took, longest)
						}
					})
				})
			}
		}
	}
}

// TestContextHasEnded asks nobody anything.
func TestContextHasEnded(t *testing.T) {
	for _, flow := range []dss.Flow{dss.FlowLoopback, dss.FlowRelay, dss.FlowImplicit, dss.FlowDevice} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{replies: []reply{hangs}, device: someDevice, started: time.Now()}
			client := f.client(t, flow)
			client.SetListen(newPipes().listen)
			s, err := client.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := s.Wait(ctx); !errors.Is(err, context.Canceled) || time.Since(f.started) != 0 {
				t.Errorf("%s: %v after %v", flow, err, time.Since(f.started))
			}
		})
	}
}

// TestDeviceStart fails at once: there is nothing yet that could be lost.
func TestDeviceStart(t *testing.T) {
	for name, tt := range map[string]struct {
		reply reply
		want  error
	}{
		"no connection": {refused, dss.ErrUnreachable},
		"down":          {busy(503, "5"), dss.ErrUnreachable},
		"throttled":     {busy(429, "5"), dss.ErrThrottled},
		"a page":        {page, dss.ErrUnreachable},
	} {
		client := newClient(t, dss.Config{
			Server: "https://auth.example.org", ClientID: clientID, Flow: dss.FlowDevice,
			HTTPClient: from(tt.reply),
		})
		if _, err := client.Start(t.Context()); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestContextEndsWhileADeviceStarts(t *testing.T) {
	for name, end := range givingUp {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := end.context(t.Context(), time.Second)
				defer cancel()
				_, err := newClient(t, dss.Config{
					Server: "https://auth.example.org", ClientID: clientID, Flow: dss.FlowDevice, HTTPClient: from(hangs),
				}).Start(ctx)
				if !errors.Is(err, end.want) || errors.Is(err, dss.ErrUnreachable) {
					t.Errorf("%v, want %v", err, end.want)
				}
			})
		})
	}
}

type roundTrip reply

// RoundTrip implements [http.RoundTripper].
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
