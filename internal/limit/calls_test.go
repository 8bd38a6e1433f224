package limit

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestRefusedCalls: only what Stack Exchange has refused counts, for its client
// alone.
func TestRefusedCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rate := Rate{5, 5 * time.Minute}
		l := New(Config{Redemptions: rate, Revocations: rate, Shared: inMemory()})
		for _, name := range []string{Redemptions, Revocations} {
			for i := range 5 {
				for range 100 { // at once, and none refused
					if err := l.MayCall(here, name); err != nil {
						t.Fatalf("%s: after %d refused: %v", name, i, err)
					}
				}
				l.CallRefused(here, name)
			}
			wantExceeded(t, l.MayCall(here, name), name, time.Minute)
			l.CallRefused(here, name) // it was under way
			wantExceeded(t, l.MayCall(here, name), name, 2*time.Minute)
			if err := l.MayCall(there, name); err != nil {
				t.Errorf("%s of somebody else: %v", name, err)
			}
			time.Sleep(2 * time.Minute)
			if err := l.MayCall(here, name); err != nil {
				t.Errorf("%s when it was told to come again: %v", name, err)
			}
		}
	})
}
