package store

import (
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// TestOverTheLimits: an index that holds more than it may, because the limits
// are lower than they were, lets everything go on that does not grow.
func TestOverTheLimits(t *testing.T) {
	for name, limits := range map[string]Limits{
		"entries": {MaxEntries: 2}, "bytes": {MaxBytes: 2*sealed.EntryOverhead + 15}, "both": {MaxEntries: 1, MaxBytes: 1},
	} {
		x := NewIndex(limits)
		for i := range 3 {
			x.Add(&Entry{ID: sealed.ID{byte(i)}, Value: make([]byte, 10), Expires: time.Now().Add(time.Hour)})
		}
		fits, fitsReserve := x.MakeRoom(0, limits), x.MakeRoom(0, limits.WithReserve())
		if !x.Grows(0) || !x.Grows(-1) || x.Grows(1) || fits || fitsReserve {
			t.Errorf("too many %s: %v %v %v %v %v", name, x.Grows(0), x.Grows(-1), x.Grows(1), fits, fitsReserve)
		}
	}
}

// TestReserve: the reserve is a sixteenth, and one entry where that is none.
func TestReserve(t *testing.T) {
	for limits, want := range map[Limits]Limits{
		{}:                                   {DefaultMaxEntries + DefaultMaxEntries/16 + 1, DefaultMaxBytes + DefaultMaxBytes/16},
		{MaxEntries: 1, MaxBytes: 1 << 20}:   {2, 1<<20 + 1<<16},
		{MaxEntries: 160, MaxBytes: 1 << 20}: {171, 1<<20 + 1<<16},
	} {
		if got := limits.WithReserve(); got != want {
			t.Errorf("%+v has a reserve up to %+v, want %+v", limits, got, want)
		}
	}
}
