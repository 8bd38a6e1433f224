package grant

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/relay"
)

// polls plays polls at the given seconds and returns which were in time.
func polls(at ...float64) []bool {
	var p pace
	start := time.Now()
	verdicts := make([]bool, len(at))
	for i, seconds := range at {
		verdicts[i] = p.admit(relay.ID{}, false, start.Add(time.Duration(seconds*float64(time.Second))))
	}
	return verdicts
}

func TestPace(t *testing.T) {
	for name, test := range map[string]struct {
		at   []float64
		want []bool
	}{
		"in time":                            {[]float64{0, 5, 10, 15}, []bool{true, true, true, true}},
		"half a second of tolerance":         {[]float64{0, 4.5, 9}, []bool{true, true, true}},
		"too early":                          {[]float64{0, 4.4}, []bool{true, false}},
		"at once":                            {[]float64{0, 0}, []bool{true, false}},
		"slows down as told":                 {[]float64{0, 1, 11, 21}, []bool{true, false, true, true}},
		"does not slow down at once":         {[]float64{0, 1, 6, 11}, []bool{true, false, false, true}},
		"keeps its five seconds all the way": {[]float64{0, 1, 6, 11, 16, 21, 26}, []bool{true, false, false, true, true, true, true}},
	} {
		got := polls(test.at...)
		for i := range got {
			if got[i] != test.want[i] {
				t.Errorf("%s: polls at %v: %v, want %v", name, test.at, got, test.want)
				break
			}
		}
	}
}

// TestJitterIsNoCrime polls early once, and then for ten minutes as a device
// does that has been told to slow down, with a network that delays.
func TestJitterIsNoCrime(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, seed))
		at := []float64{0, 1 + 3*random.Float64()}
		for last := at[1]; last < 600; last = at[len(at)-1] {
			at = append(at, last+10+2*random.Float64()-0.4)
		}
		for i, ok := range polls(at...)[2:] {
			if !ok {
				t.Fatalf("seed %d: poll %d of %v is punished", seed, i+2, at)
			}
		}
	}
}

// TestPairs is what a client does that tries HTTP Basic authentication first
// each time.
func TestPairs(t *testing.T) {
	var p pace
	start := time.Now()
	for i := range 20 {
		now := start.Add(time.Duration(i) * Interval)
		if !p.admit(relay.ID{}, true, now) || !p.admit(relay.ID{}, false, now.Add(100*time.Millisecond)) {
			t.Fatalf("pair %d is punished", i)
		}
	}
	early := start.Add(19*Interval + time.Second)
	if p.admit(relay.ID{}, true, early) || p.admit(relay.ID{}, false, early) {
		t.Error("a pair that is too early is not punished")
	}
	if late := early.Add(Interval + penalty); !p.admit(relay.ID{}, true, late) || !p.admit(relay.ID{}, false, late) {
		t.Error("a pair was punished twice for one offence")
	}
	if p.admit(relay.ID{}, false, early.Add(Interval+penalty)) {
		t.Error("a third poll passes for part of a pair")
	}
}

func TestPaceForgets(t *testing.T) {
	var p pace
	start := time.Now()
	for i := range 1000 {
		p.admit(relay.ID{byte(i), byte(i >> 8)}, false, start)
	}
	p.admit(relay.ID{9, 9, 9}, false, start.Add(forgetAfter+time.Second))
	if len(p.clocks) != 1 {
		t.Errorf("%d clocks are left", len(p.clocks))
	}
}
