package stackexchange_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// callerKey is the context's key of who calls.
type callerKey struct{}

func by(ctx context.Context, n byte) context.Context { return context.WithValue(ctx, callerKey{}, n) }

func callerOf(ctx context.Context) netip.Prefix {
	n, _ := ctx.Value(callerKey{}).(byte)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, n}), 32)
}

// record is an upstream that notes when it is called, and by whom.
type record struct {
	mu    sync.Mutex
	times []time.Time
	by    []byte
	takes time.Duration
	open  chan struct{} // answers wait until it is closed, unless it is nil
	now   atomic.Int64
	most  int64
}

func (u *record) RoundTrip(r *http.Request) (*http.Response, error) {
	now := u.now.Add(1)
	defer u.now.Add(-1)
	u.mu.Lock()
	u.times, u.by = append(u.times, time.Now()), append(u.by, callerOf(r.Context()).Addr().As4()[3])
	u.most = max(u.most, now)
	u.mu.Unlock()
	time.Sleep(u.takes)
	if u.open != nil {
		<-u.open
	}
	return response(200, `{"access_token":"t","items":[]}`), nil
}

// client returns a client of u.
func (u *record) client(t *testing.T, local bool) *stackexchange.Client {
	return stackexchange.New(stackexchange.Config{
		BaseURL: mustParse(t, "http://upstream.invalid"), APIURL: mustParse(t, "http://upstream.invalid"),
		Transport: u, Caller: callerOf, Local: local,
	})
}

// busiest is how many calls there were in the busiest second.
func busiest(times []time.Time) int {
	most := 0
	for i, from := range times {
		n := 0
		for _, at := range times[i:] {
			if at.Sub(from) < time.Second {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// TestRate: in no second more than 20 calls of both methods together, whether
// they come at once or one after another, and none is late without need.
func TestRate(t *testing.T) {
	t.Run("at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := &record{}
			c := u.client(t, false)
			start := time.Now()
			var calls sync.WaitGroup
			for range 50 {
				for method, call := range methods {
					calls.Go(func() {
						if err := call(t.Context(), c); err != nil {
							t.Errorf("%s: %v", method, err)
						}
					})
				}
			}
			calls.Wait()
			if n := busiest(u.times); n != 20 || len(u.times) != 100 {
				t.Errorf("%d of %d calls in a second", n, len(u.times))
			}
			if took := time.Since(start); took != 99*50*time.Millisecond {
				t.Errorf("took %v", took)
			}
		})
	})
	t.Run("one after another", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := &record{takes: 7 * time.Millisecond}
			c := u.client(t, false)
			for i := range 200 {
				if i == 100 {
					time.Sleep(500 * time.Millisecond)
				}
				if err := methods["redeem"](t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			if n := busiest(u.times); n != 20 {
				t.Errorf("%d calls in a second", n)
			}
		})
	})
	t.Run("local", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := &record{}
			c, start := u.client(t, true), time.Now()
			var calls sync.WaitGroup
			for range 500 {
				calls.Go(func() {
					if err := methods["redeem"](t.Context(), c); err != nil {
						t.Error(err)
					}
				})
			}
			calls.Wait()
			if took := time.Since(start); took != 0 {
				t.Errorf("took %v", took)
			}
		})
	})
}

// TestAtMost64CallsAtOnce, however slow they are.
func TestAtMost64CallsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &record{takes: 6 * time.Second}
		c := u.client(t, false)
		var calls sync.WaitGroup
		for range 70 {
			calls.Go(func() { _ = methods["redeem"](t.Context(), c) })
		}
		calls.Wait()
		if u.most != 64 || len(u.times) != 70 {
			t.Errorf("%d of %d calls at once, want 64", u.most, len(u.times))
		}
	})
}

// TestShortLine: beyond half of the time that a call has, waiting is no use.
func TestShortLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &record{}
		c := u.client(t, false)
		var served, refused atomic.Int64
		var calls sync.WaitGroup
		for range 300 {
			calls.Go(func() {
				switch err := methods["redeem"](t.Context(), c); {
				case err == nil:
					served.Add(1)
				case errors.Is(err, stackexchange.ErrUnsent):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		calls.Wait()
		if served.Load() != 101 || refused.Load() != 199 {
			t.Errorf("%d served, %d refused", served.Load(), refused.Load())
		}
	})
}

// TestTurns: callers with many calls wait for themselves. Whoever comes later
// with one is served before their rest.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &record{}
		c := u.client(t, false)
		var floods, honest sync.WaitGroup
		for flood := range byte(5) {
			for range 200 {
				floods.Go(func() { _ = methods["invalidate"](by(t.Context(), flood), c) })
			}
		}
		synctest.Wait()
		for n := range byte(30) {
			honest.Go(func() {
				if err := methods["redeem"](by(t.Context(), 100+n), c); err != nil {
					t.Errorf("honest caller %d: %v", n, err)
				}
			})
		}
		honest.Wait()
		floods.Wait()
		last := 0
		for i, caller := range u.by {
			if caller >= 100 {
				last = i
			}
		}
		if last > 1+5+30 {
			t.Errorf("an honest call was the %dth", last+1)
		}
		slices.Sort(u.by)
		if callers := slices.Compact(u.by); len(callers) != 35 {
			t.Errorf("calls of %d callers, want 35", len(callers))
		}
	})
}

// TestLeavingTheLine: who goes away while it waits leaves its turn to others.
func TestLeavingTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &record{open: make(chan struct{})}
		c := u.client(t, false)
		var calls sync.WaitGroup
		call := func(ctx context.Context, want error) {
			calls.Go(func() {
				if err := methods["redeem"](ctx, c); !errors.Is(err, want) && (err != nil || want != nil) {
					t.Errorf("error %v, want %v", err, want)
				}
			})
			synctest.Wait()
		}
		call(by(t.Context(), 1), nil)
		ctx, leave := context.WithCancel(t.Context())
		for n := range byte(50) {
			call(by(ctx, n), context.Canceled)
		}
		call(by(t.Context(), 7), nil)
		leave()
		close(u.open)
		calls.Wait()
		if len(u.times) != 2 || u.times[1].Sub(u.times[0]) != 50*time.Millisecond {
			t.Errorf("%d calls, the last after %v", len(u.times), u.times[len(u.times)-1].Sub(u.times[0]))
		}
	})
}

// TestRepeatsCount: net/http repeats a request by itself when the connection
// that it had kept turns out to be broken.
func TestRepeatsCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var times []time.Time
		serve := func(conn net.Conn) { // one answer for each connection; the second request breaks it
			defer conn.Close()
			requests := bufio.NewReader(conn)
			for answered := false; ; answered = true {
				if _, err := http.ReadRequest(requests); err != nil {
					return
				}
				mu.Lock()
				times = append(times, time.Now())
				mu.Unlock()
				if answered {
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"items\":[]}")
			}
		}
		transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go serve(server)
			return client, nil
		}}
		defer transport.CloseIdleConnections()
		c := clientOf(t, "http://upstream.invalid", transport)
		for range 100 {
			if err := methods["invalidate"](t.Context(), c); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if n := busiest(times); n != 20 || len(times) < 150 {
			t.Errorf("%d of %d requests in a second", n, len(times))
		}
	})
}

// TestAllow: a call that is refused is not made, be it before it waits or in
// its turn, and what was in vain is told.
func TestAllow(t *testing.T) {
	errNo := errors.New("no")
	for name, tt := range map[string]struct {
		status  int
		body    string
		method  string
		vain    int
		refused int // when Allow says no; 0: never
	}{
		"a token":          {200, `{"access_token":"t"}`, "redeem", 0, 0},
		"a refusal":        {400, `{"error":{"type":"x","message":"y"}}`, "redeem", 1, 0},
		"an outage":        {500, ``, "redeem", 0, 0},
		"a live token":     {200, `{"items":[{"access_token":"x"}]}`, "invalidate", 0, 0},
		"an unknown token": {200, `{"items":[]}`, "invalidate", 1, 0},
		"a dead token":     {400, `{"error_id":402}`, "invalidate", 1, 0},
		"a strange token":  {400, `{"error_id":400}`, "invalidate", 1, 0},
		"throttled":        {400, `{"error_id":502}`, "invalidate", 0, 0},
		"not admitted":     {200, `{"access_token":"t"}`, "redeem", 0, 1},
		"not in its turn":  {200, `{"items":[]}`, "invalidate", 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			asked, calls, vain := 0, 0, 0
			check := func(ctx context.Context, m stackexchange.Method) {
				if string(m) != tt.method || callerOf(ctx) != callerOf(by(t.Context(), 9)) {
					t.Errorf("a call to %s by %v", m, callerOf(ctx))
				}
			}
			c := stackexchange.New(stackexchange.Config{
				Allow: func(ctx context.Context, m stackexchange.Method) error {
					check(ctx, m)
					if asked++; asked == tt.refused {
						return errNo
					}
					return nil
				},
				Refused: func(ctx context.Context, m stackexchange.Method) { check(ctx, m); vain++ },
				Transport: roundTrip(func(*http.Request) (*http.Response, error) {
					calls++
					return response(tt.status, tt.body), nil
				}),
			})
			err := methods[tt.method](by(t.Context(), 9), c)
			if errors.Is(err, errNo) != (tt.refused > 0) || calls != 1-min(tt.refused, 1) || vain != tt.vain {
				t.Errorf("%v, %d calls, %d in vain", err, calls, vain)
			}
		})
	}
}
