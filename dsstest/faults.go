package dsstest

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/api"
)

// Fault is a way in which the server, or the fake Stack Exchange, misbehaves towards
// the app. Browsers are served well.
type Fault string

// The faults, and the flows in which they can strike. A token that is lost
// cannot be had again, and a device has to slow down and is not refused.
const (
	Refuses     Fault = "refuses"     // the connection ends before the request is read; in every flow
	DropsAnswer Fault = "drops"       // a claim is done, but its answer is lost; relay and implicit
	Slow        Fault = "slow"        // the answer takes a while; in every flow
	TooMany     Fault = "too many"    // 429 with Retry-After; loopback, relay and implicit
	Unavailable Fault = "unavailable" // 503 with Retry-After; loopback, relay and implicit
	SlowDown    Fault = "slow_down"   // a poll for a device's token gets slow_down; device
)

// AllFaults are the faults there are.
var AllFaults = []Fault{Refuses, DropsAnswer, Slow, TooMany, Unavailable, SlowDown}

// slowness is how long a slow answer takes.
const slowness = 200 * time.Millisecond

// faults strikes requests of apps. Of two requests in a row at most one is
// struck, so that everything comes to an end.
type faults struct {
	next http.Handler

	mu      sync.Mutex
	random  *rand.Rand
	active  []Fault
	spared  bool // the last request was struck, so the next is not
	strikes map[Fault]int
	named   []Fault          // by the test
	fits    map[Fault]bool   // there was a request that they could strike
	misfits map[Fault]string // the flow of one that they could not
}

func newFaults(next http.Handler, options Options) *faults {
	f := &faults{
		next: next, random: rand.New(rand.NewPCG(options.Seed, 0)), active: slices.Clone(options.Faults),
		strikes: map[Fault]int{}, named: slices.Clone(options.Faults), fits: map[Fault]bool{}, misfits: map[Fault]string{},
	}
	if options.Faults == nil {
		f.active = slices.Clone(AllFaults)
	}
	return f
}

// reportIdle fails the test if it names a fault that could not strike although
// the app came.
func (f *faults) reportIdle(t testing.TB) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range AllFaults {
		if flow := f.misfits[fault]; flow != "" && slices.Contains(f.named, fault) && !f.fits[fault] {
			t.Errorf("dsstest: the fault %q cannot strike in the flow %s, so nothing was tested", fault, flow)
		}
	}
}

// SetFault switches one fault on or off.
func (s *Server) SetFault(fault Fault, on bool) {
	s.t.Helper()
	if !slices.Contains(AllFaults, fault) {
		s.t.Errorf("dsstest: there is no fault %q", fault)
	}
	f := s.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = slices.DeleteFunc(f.active, func(one Fault) bool { return one == fault })
	if on {
		f.active = append(f.active, fault)
		f.named = append(f.named, fault)
	}
}

// Strikes is how often a fault has struck.
func (s *Server) Strikes(fault Fault) int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return s.faults.strikes[fault]
}

// ServeHTTP implements [http.Handler].
func (f *faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	redeems := []string{api.PathToken, api.PathOAuthToken, pathRedeem}
	if r.Method != http.MethodPost || !slices.Contains(redeems, r.URL.Path) {
		f.next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	if err != nil {
		return
	}
	again := func() *http.Request {
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		return r
	}
	switch fault := f.pick(possible(r.URL.Path, string(body))); fault {
	case Refuses:
		panic(http.ErrAbortHandler)
	case DropsAnswer:
		f.next.ServeHTTP(httptest.NewRecorder(), again())
		panic(http.ErrAbortHandler)
	case TooMany:
		refuse(w, r.URL.Path, http.StatusTooManyRequests, api.ThrottleViolation)
	case Unavailable:
		refuse(w, r.URL.Path, http.StatusServiceUnavailable, api.TemporarilyUnavailable)
	case SlowDown:
		refuse(w, r.URL.Path, http.StatusBadRequest, api.SlowDown)
	default:
		if fault == Slow {
			time.Sleep(slowness)
		}
		f.next.ServeHTTP(w, again())
	}
}

// pathRedeem is where apps redeem codes at the fake Stack Exchange.
const pathRedeem = "/sandbox/oauth/access_token/json"

// possible returns the faults that an app which follows the rules gets over, and
// the flow that a request belongs to. A token for a code cannot be had again, so
// that answer is not lost here.
func possible(path, body string) (faults []Fault, flow string) {
	switch {
	case strings.Contains(body, "device_code="):
		return []Fault{Refuses, Slow, SlowDown}, "device"
	case path == api.PathToken && strings.Contains(body, "key=s256."):
		return []Fault{Refuses, Slow, TooMany, Unavailable, DropsAnswer}, "relay or implicit"
	case path == api.PathToken:
		return []Fault{Refuses, Slow, TooMany, Unavailable}, "relay with a key that is not bound"
	case path == pathRedeem:
		return []Fault{Refuses, Slow, TooMany, Unavailable}, "loopback or relay"
	}
	return []Fault{Refuses, Slow, TooMany, Unavailable}, "loopback"
}

// pick decides what happens to a request.
func (f *faults) pick(possible []Fault, flow string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.active {
		if slices.Contains(possible, fault) {
			f.fits[fault] = true
		} else {
			f.misfits[fault] = flow
		}
	}
	candidates := slices.DeleteFunc(possible, func(one Fault) bool { return !slices.Contains(f.active, one) })
	if len(candidates) == 0 || f.spared {
		f.spared = false
		return ""
	}
	f.spared = true
	fault := candidates[f.random.IntN(len(candidates))]
	f.strikes[fault]++
	return fault
}

// refuse answers in the words of the endpoint.
func refuse(w http.ResponseWriter, path string, status int, name string) {
	if status != http.StatusBadRequest {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if path == api.PathToken {
		_, _ = io.WriteString(w, `{"error_name":"`+name+`","error_message":"a fault of dsstest"}`)
		return
	}
	_, _ = io.WriteString(w, `{"error":"`+name+`","error_description":"a fault of dsstest"}`)
}
