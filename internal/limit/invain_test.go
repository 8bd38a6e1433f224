package limit

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// TestCallsInVain: only what Stack Exchange has refused counts, for its client
// alone.
func TestCallsInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rate := Rate{5, 5 * time.Minute}
		l := New(Config{Redemptions: rate, Revocations: rate, Shared: inMemory()})
		for name, call := range map[string]struct {
			may    func(netip.Addr) error
			inVain func(netip.Addr)
		}{
			Redemptions: {l.MayRedeem, l.RedeemedInVain}, Revocations: {l.MayRevoke, l.RevokedInVain},
		} {
			for i := range 5 {
				for range 100 { // at once, and none in vain
					if err := call.may(here); err != nil {
						t.Fatalf("%s: after %d in vain: %v", name, i, err)
					}
				}
				call.inVain(here)
			}
			wantExceeded(t, call.may(here), name, time.Minute)
			call.inVain(here) // it was under way
			wantExceeded(t, call.may(here), name, 2*time.Minute)
			if err := call.may(there); err != nil {
				t.Errorf("%s of somebody else: %v", name, err)
			}
			time.Sleep(2 * time.Minute)
			if err := call.may(here); err != nil {
				t.Errorf("%s when it was told to come again: %v", name, err)
			}
		}
	})
}
