package dsstest

import (
	"math/rand/v2"
	"net/http"
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

// Faults that strike only where a test names them. The first three strike once;
// LosesToken strikes always, and nobody gets over it.
const (
	Restarts   Fault = "restarts"    // the server breaks all connections and is away for a while; in every flow
	Dies       Fault = "dies"        // a connection takes a request and is silent from then on; in every flow
	Portal     Fault = "portal"      // another's page in place of the answer, with 200; in every flow
	LosesToken Fault = "loses token" // a token or code is spent, but its answer is lost; loopback, relay and device
	Holds      Fault = "holds"       // claims wait until the user is done; relay and implicit
	WrongClock Fault = "wrong clock" // the clock is an hour fast, and Retry-After a date; with TooMany or Unavailable
)

var namedFaults = []Fault{Restarts, Dies, Portal, LosesToken, Holds, WrongClock}

// AllFaults are those that strike by default.
var AllFaults = []Fault{Refuses, DropsAnswer, Slow, TooMany, Unavailable, SlowDown}

// slowness is how long a slow answer takes.
const slowness = 200 * time.Millisecond

// faults strikes requests of apps. Of two requests in a row at most one is
// struck, so that everything comes to an end.
type faults struct {
	next    http.Handler
	restart func()
	done    chan struct{} // closed when a user is done

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
		next: next, done: make(chan struct{}),
		random: rand.New(rand.NewPCG(options.Seed, 0)), active: slices.Clone(options.Faults),
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
	for _, fault := range f.named {
		if flow := f.misfits[fault]; flow != "" && !f.fits[fault] {
			t.Errorf("dsstest: the fault %q cannot strike in the flow %s, so nothing was tested", fault, flow)
		}
	}
}

// SetFault switches one fault on or off.
func (s *Server) SetFault(fault Fault, on bool) {
	s.t.Helper()
	if !exists(fault) {
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

func exists(fault Fault) bool {
	return slices.Contains(AllFaults, fault) || slices.Contains(namedFaults, fault)
}

// Strikes is how often a fault has struck.
func (s *Server) Strikes(fault Fault) int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return s.faults.strikes[fault]
}

// pathRedeem is where apps redeem codes at the fake Stack Exchange.
const pathRedeem = "/sandbox/oauth/access_token/json"

// possible returns the faults that an app which follows the rules gets over, and
// the flow that a request belongs to. A token for a code cannot be had again, so
// that answer is not lost here.
func possible(path, body string) (faults []Fault, flow string) {
	faults = []Fault{Refuses, Slow}
	switch {
	case strings.Contains(body, "device_code="):
		faults, flow = append(faults, SlowDown, LosesToken), "device"
	case path == api.PathToken && strings.Contains(body, "key=s256."):
		faults, flow = append(faults, TooMany, Unavailable, DropsAnswer, Holds), "relay or implicit"
	case path == api.PathToken:
		faults, flow = append(faults, TooMany, Unavailable, Holds), "relay with a key that is not bound"
	case path == pathRedeem:
		faults, flow = append(faults, TooMany, Unavailable, LosesToken), "loopback or relay"
	default:
		faults, flow = append(faults, TooMany, Unavailable, LosesToken), "loopback"
	}
	return append(faults, Restarts, Dies, Portal), flow
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
	for _, fault := range []Fault{LosesToken, Holds} {
		if slices.Contains(f.active, fault) && slices.Contains(possible, fault) {
			f.strikes[fault]++
			return fault
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
	if slices.Contains([]Fault{Restarts, Dies, Portal}, fault) { // once is enough
		f.active = slices.DeleteFunc(f.active, func(one Fault) bool { return one == fault })
	}
	return fault
}
