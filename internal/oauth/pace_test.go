package oauth

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// judge decides on polls of one device that come now.
type judge func(basic bool) bool

// eachPacer tests a server's own clock, and two servers with a store between
// them, which take turns.
func eachPacer(t *testing.T, test func(t *testing.T, admit judge)) {
	t.Helper()
	run := func(name string, pacers func() []pacer) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all, n := pacers(), 0
				test(t, func(basic bool) bool {
					n++
					ok, err := all[n%len(all)].inTime(t.Context(), "state", basic, time.Now())
					if err != nil {
						t.Fatal(err)
					}
					return ok
				})
			})
		})
	}
	run("one server", func() []pacer { return []pacer{&pace{}} })
	run("a full store", func() []pacer {
		store := memory.New(store.Limits{MaxEntries: 1})
		if _, err := store.Create(t.Context(), sealed.ID{1}, nil, 24*time.Hour); err != nil {
			t.Fatal(err)
		}
		return []pacer{newSharedPace(sealed.NewVault(store))}
	})
	run("two servers", func() []pacer {
		store := memory.New(store.Limits{})
		return []pacer{newSharedPace(sealed.NewVault(store)), newSharedPace(sealed.NewVault(store))}
	})
}

// polls plays polls at the given seconds and returns which were in time.
func polls(admit judge, at ...float64) []bool {
	start := time.Now()
	verdicts := make([]bool, len(at))
	for i, seconds := range at {
		time.Sleep(time.Until(start.Add(time.Duration(seconds * float64(time.Second)))))
		verdicts[i] = admit(false)
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
		t.Run(name, func(t *testing.T) {
			eachPacer(t, func(t *testing.T, admit judge) {
				got := polls(admit, test.at...)
				for i := range got {
					if got[i] != test.want[i] {
						t.Fatalf("polls at %v: %v, want %v", test.at, got, test.want)
					}
				}
			})
		})
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
		eachPacer(t, func(t *testing.T, admit judge) {
			for i, ok := range polls(admit, at...)[2:] {
				if !ok {
					t.Fatalf("seed %d: poll %d of %v is punished", seed, i+2, at)
				}
			}
		})
	}
}

// TestPairs is what a client does that tries HTTP Basic authentication first
// each time.
func TestPairs(t *testing.T) {
	eachPacer(t, func(t *testing.T, admit judge) {
		pair := func() (first, second bool) {
			first = admit(true)
			time.Sleep(100 * time.Millisecond)
			return first, admit(false)
		}
		for i := range 20 {
			if first, second := pair(); !first || !second {
				t.Fatalf("pair %d is punished", i)
			}
			time.Sleep(Interval - 100*time.Millisecond)
		}
		if first, second := pair(); !first || !second {
			t.Fatal("a pair in time is punished")
		}
		if first, second := pair(); first || second {
			t.Error("a pair that is too early is not punished")
		}
		time.Sleep(Interval + penalty)
		if first, second := pair(); !first || !second {
			t.Error("a pair was punished twice for one offence")
		}
		if admit(false) {
			t.Error("a third poll passes for part of a pair")
		}
	})
}

func inTime(t *testing.T, p pacer, state string, now time.Time) {
	t.Helper()
	if ok, err := p.inTime(t.Context(), state, false, now); !ok || err != nil {
		t.Errorf("inTime = %v, %v", ok, err)
	}
}

func TestPaceForgets(t *testing.T) {
	var p pace
	start := time.Now()
	for i := range 1000 {
		inTime(t, &p, strconv.Itoa(i), start)
	}
	inTime(t, &p, "state", start.Add(forgetAfter+time.Second))
	if len(p.clocks) != 1 {
		t.Errorf("%d clocks are left", len(p.clocks))
	}
}

// TestSharedPaceInARace has two servers judge many polls at once: one is in
// time.
func TestSharedPaceInARace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(store.Limits{})
		verdicts := make(chan bool, 32)
		for range cap(verdicts) {
			go func() {
				ok, err := newSharedPace(sealed.NewVault(store)).inTime(t.Context(), "state", false, time.Now())
				if err != nil {
					t.Error(err)
				}
				verdicts <- ok
			}()
		}
		admitted := 0
		for range cap(verdicts) {
			if <-verdicts {
				admitted++
			}
		}
		if admitted != 1 {
			t.Errorf("%d polls were in time", admitted)
		}
	})
}
