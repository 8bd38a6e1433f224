package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/contract"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// refuser is a token endpoint that refuses codes with a status, or is away if
// that is 0. It counts the requests, and keeps the log of the servers.
type refuser struct {
	mu               sync.Mutex
	status, requests int
	lines            strings.Builder
}

func (r *refuser) RoundTrip(request *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if request.Method == http.MethodPost {
		r.requests++
	}
	if r.status == 0 {
		return nil, errors.New("away")
	}
	body := io.NopCloser(strings.NewReader(`{"error":{"type":"invalid_request","message":"no such code"}}`))
	return &http.Response{StatusCode: r.status, Header: http.Header{}, Body: body, Request: request}, nil
}

func (r *refuser) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines.Write(line)
}

// change changes the status and begins a new log.
func (r *refuser) change(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
	r.lines.Reset()
}

func (r *refuser) sofar() (requests int, log string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests, r.lines.String()
}

// shown is what the metrics of a server show.
type shown struct {
	mu   sync.Mutex
	text string
}

func (s *shown) set(holds bool, ended time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = fmt.Sprint(holds, " on day ", int(time.Since(epoch).Hours())/24, ", seen ", int(ended.Sub(epoch).Hours())/24)
}

func (s *shown) get() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text
}

// epoch is when the time of synctest begins.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

const statusContract = `{"date": "2000-01-01", "facts": [{"id": "status", "text": "a code is refused with 400",
	"probe": "invented-code", "feature": "status", "expect": ["400"], "source": "this test"}]}`

// watch starts a server's check.
func watch(t *testing.T, entries sealed.Store, upstream *refuser) (s *shown, stop func()) {
	t.Helper()
	c, err := contract.Parse([]byte(statusContract))
	if err != nil {
		t.Fatal(err)
	}
	s = &shown{}
	at := &url.URL{Scheme: "http", Host: "localhost"}
	w := &upstreamWatch{
		contract: c,
		upstream: contract.Upstream{BaseURL: at, APIURL: at, Transport: upstream},
		records:  checkRecords(entries),
		paused:   func() time.Duration { return 0 },
		show:     s.set,
		log:      slog.New(slog.NewTextHandler(upstream, nil)),
	}
	return s, runBackground("check", w.run, w.log)
}

// TestUpstreamIsCheckedOnceADay: however many servers share a store, and however
// often they start. An outage changes nothing of what is shown.
func TestUpstreamIsCheckedOnceADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entries, upstream := memory.New(store.Limits{}), &refuser{status: 400}
		one, stopOne := watch(t, entries, upstream)
		synctest.Wait()
		two, stopTwo := watch(t, entries, upstream)
		defer func() { stopTwo() }()
		for range 5 {
			stopOne()
			one, stopOne = watch(t, entries, upstream)
			synctest.Wait()
		}
		defer func() { stopOne() }()
		for day, c := range []struct {
			status int
			want   string
			logged string
		}{
			{400, "true on day 0, seen 0", "is as expected"},
			{401, "false on day 1, seen 1", "has changed\" contract=2000-01-01 fact=status detail=\"a code is refused with 400; "},
			{0, "false on day 2, seen 1", "could not be checked; this is an outage, not a change"},
			{503, "false on day 3, seen 1", "could not be checked; this is an outage, not a change"},
			{400, "true on day 4, seen 4", "is as expected"},
		} {
			if day > 0 {
				upstream.change(c.status)
				time.Sleep(checkEvery + 2*checkPoll)
				synctest.Wait()
			}
			checks, log := upstream.sofar()
			if one.get() != c.want || two.get() != c.want || checks != day+1 || !strings.Contains(log, c.logged) {
				t.Errorf("one: %s; two: %s; want %s after %d checks:\n%s", one.get(), two.get(), c.want, checks, log)
			}
		}
	})
}

// away is a store that nobody reaches.
type away struct{ sealed.Store }

func (away) Get(context.Context, sealed.ID) ([]byte, bool, error) {
	return nil, false, errors.New("away")
}

// TestNoCheckWithoutAStore: a server that cannot know when the last check was
// makes none, and says so.
func TestNoCheckWithoutAStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		upstream := &refuser{status: 400}
		s, stop := watch(t, away{}, upstream)
		synctest.Wait()
		stop()
		if checks, log := upstream.sofar(); s.get() != "" || checks != 0 || !strings.Contains(log, "no check of Stack Exchange") {
			t.Errorf("%s after %d checks\n%s", s.get(), checks, log)
		}
	})
}
