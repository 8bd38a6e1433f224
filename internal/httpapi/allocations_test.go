package httpapi_test

import (
	"runtime/debug"
	"slices"
	"testing"
)

// TestAllocations: a request makes no more allocations than it needs, here with a
// store in memory, a log and an audit. Lower a number when it can be; a higher one
// needs a reason.
func TestAllocations(t *testing.T) {
	if raceDetector() {
		return // it makes allocations of its own; make test runs this test without it, too
	}
	d := newDirect(t)
	device := d.authorizeDevice()
	for _, budget := range []struct {
		name    string
		most    float64
		request func()
	}{
		{"poll", 8, d.poll},
		{"deposit", 41, d.deposit},
		{"claim", 21, func() { d.claim(); d.key-- }}, // of the deposits before it
		{"device poll", 23, func() { d.post(400, "/oauth/token", device) }},
	} {
		if n := testing.AllocsPerRun(1000, budget.request); n > budget.most {
			t.Errorf("a %s makes %v allocations, more than %v", budget.name, n, budget.most)
		}
	}
}

func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
