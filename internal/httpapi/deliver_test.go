package httpapi_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// eventFunc is an observer that hears of events.
type eventFunc func(httpapi.Event)

func (eventFunc) Began()                     {}
func (eventFunc) Ended(httpapi.Request)      {}
func (f eventFunc) Happened(e httpapi.Event) { f(e) }

// TestWaiterHangsUp: the next claim gets the deposit.
func TestWaiterHangsUp(t *testing.T) {
	for _, c := range []struct{ method, query, body string }{
		{"GET", "?wait=60&key=KEY", ""},
		{"GET", "?wait=60&key=KEY", "{}"}, // that nobody reads
		{"POST", "", "wait=60&key=KEY"},
		{"POST", "?wait=60", "key=KEY"},
	} {
		t.Run(c.method+c.query+" "+c.body, func(t *testing.T) {
			key := rand.Text()
			waiterHangsUp(t, key, c.method, "/auth/token"+strings.Replace(c.query, "KEY", key, 1), strings.Replace(c.body, "KEY", key, 1))
		})
	}
}

func waiterHangsUp(t *testing.T, key, method, path, body string) {
	store, left := watched{inMemory(), make(chan struct{}, 1)}, make(chan struct{}, 1)
	d := newDSS(t, store, func(c *httpapi.Config) {
		c.Observer = eventFunc(func(e httpapi.Event) {
			if e.Name == httpapi.EventWait && e.Outcome == httpapi.WaitLeft {
				left <- struct{}{}
			}
		})
	})
	ctx, hangUp := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, _, _, err := d.try(ctx, method, path, body)
		gone <- err
	}()
	<-store.watches
	hangUp()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	<-left
	d.deposit(key, "T")
	if got := d.claim(key); got != `200 {"access_token":"T"}` {
		t.Errorf("the next claim gets %s", got)
	}
}

// TestWatch: a claim that waits has its client watched, and no other.
func TestWatch(t *testing.T) {
	watched := 0
	d := newDSS(t, inMemory(), func(c *httpapi.Config) {
		c.Watch = func(ctx context.Context) {
			if ctx.Value(http.ServerContextKey) == nil {
				t.Error("the context is not the request's")
			}
			watched++
		}
	})
	for query, want := range map[string]int{"wait=60&key=": 1, "wait=0&key=": 0, "key=": 0} {
		watched = 0
		key := rand.Text()
		d.deposit(key, "T")
		if status, _, body := d.do("GET", "/auth/token?"+query+key, ""); status != http.StatusOK {
			t.Errorf("%s is answered with %d %s", query, status, body)
		}
		if watched != want {
			t.Errorf("%s: %d are watched, want %d", query, watched, want)
		}
	}
}

// leaving is a store that hangs a client up in the moment in which its claim
// takes the entry, and that may have no room for it afterwards.
type leaving struct {
	*memory.Store
	hangUp context.CancelFunc
	full   bool
}

func (l *leaving) Take(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	value, ok, err := l.Store.Take(ctx, id)
	if l.hangUp != nil {
		l.hangUp()
	}
	return value, ok, err
}

func (l *leaving) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	if l.full {
		return false, sealed.ErrFull
	}
	return l.Store.Create(ctx, id, value, ttl)
}

// Reserve is as full as the store.
func (l *leaving) Reserve() sealed.Store { return l }

// failing is a connection that takes so many bytes, and then nothing more.
type failing struct {
	header http.Header
	takes  int
	taken  strings.Builder
	status int
}

func (f *failing) Header() http.Header { return f.header }
func (f *failing) WriteHeader(s int)   { f.status = s }

func (f *failing) Write(b []byte) (int, error) {
	n := min(len(b), f.takes-f.taken.Len())
	f.taken.Write(b[:n])
	if n < len(b) {
		return n, net.ErrClosed
	}
	return n, nil
}

// FlushError is where buffered bytes fail.
func (f *failing) FlushError() error { return net.ErrClosed }

// TestPutBack: only what was taken for a client that had left before the first
// write goes back. Such a client hears that it has nothing, as it may have
// closed only its own direction.
func TestPutBack(t *testing.T) {
	const body = `{"access_token":"T"}` + "\n"
	for _, c := range []struct {
		name       string
		leaves     bool // before the first write
		full, took bool // the store; the whole answer
		status     int
		outcome    string
		next       string
	}{
		{"left before", true, false, false, 503, httpapi.PutBack, `200 {"access_token":"T"}`},
		{"left before, and there is no room", true, true, false, 503, httpapi.Lost, "404"},
		{"the first write fails", false, false, false, 200, httpapi.Interrupted, "404"},
		{"the flush fails", false, false, true, 200, httpapi.Interrupted, "404"},
	} {
		t.Run(c.name, func(t *testing.T) {
			store, told := &leaving{Store: inMemory()}, &recorder{}
			d := newDSS(t, store, func(config *httpapi.Config) { config.Observer = told })
			key := rand.Text()
			d.deposit(key, "T")
			ctx, hangUp := context.WithCancel(t.Context())
			defer hangUp()
			if c.leaves {
				store.hangUp = hangUp
			}
			store.full = c.full
			r := httptest.NewRequestWithContext(ctx, "GET", d.url+"/auth/token?key="+key, nil)
			r.URL.Host, r.URL.Scheme = "", ""
			w := &failing{header: http.Header{}}
			if c.took {
				w.takes = len(body)
			}
			d.Handler().ServeHTTP(w, r)
			if w.status != c.status {
				t.Errorf("status %d, want %d", w.status, c.status)
			}
			if last := told.last(); last.Status != httpapi.StatusClientLeft || last.Error != "client_left" {
				t.Errorf("the request is told as %+v", last)
			}
			if want := []string{"deposit token created", "claim token " + c.outcome}; !slices.Equal(told.events, want) {
				t.Errorf("told %q, want %q", told.events, want)
			}
			store.hangUp, store.full = nil, false
			if got := d.claim(key); !strings.HasPrefix(got, c.next) {
				t.Errorf("the next claim gets %s", got)
			}
		})
	}
}
