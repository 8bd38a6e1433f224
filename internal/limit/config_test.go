package limit

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestNames(t *testing.T) {
	names := Names()
	slices.Sort(names)
	if len(slices.Compact(names)) != 3+int(kinds)+int(withTotal) || slices.Contains(names, "") {
		t.Errorf("%q", names)
	}
}

// TestTimes: every limit is multiplied, none that is off is switched on, and
// none becomes so small that nothing is possible. The size of the deposits is
// the caller's to set.
func TestTimes(t *testing.T) {
	double := Defaults().Times(2)
	want := Config{
		Requests:     Limit{Rate{8000, 10 * time.Second}, Rate{400_000, 10 * time.Second}},
		UnknownKeys:  Limit{Rate{1200, time.Minute}, Rate{120_000, time.Minute}},
		UserCodes:    Limit{Rate{120, 10 * time.Minute}, Rate{12_000, 10 * time.Minute}},
		Exchanges:    Limit{Rate{12_000, time.Minute}, Rate{1_200_000, time.Minute}},
		Redemptions:  Rate{60, 10 * time.Minute},
		Revocations:  Rate{60, 10 * time.Minute},
		Deposits:     2000,
		DepositBytes: (64 << 20) / 100,
		Waiters:      1000,
		Connections:  2000,
		Clients:      DefaultClients,
	}
	if !reflect.DeepEqual(double, want) {
		t.Errorf("twice the limits are\n%+v, want\n%+v", double, want)
	}
	least := Defaults().Times(0.00001)
	if least.Requests.Client != (Rate{1, 250 * time.Second}) || least.Requests.Total != (Rate{2, 10 * time.Second}) ||
		least.Deposits != 2 || least.Waiters != 1 || least.Connections != 6 {
		t.Errorf("small limits are %+v", least)
	}
	if none := (Config{}).Times(2); !reflect.DeepEqual(none, Config{}) {
		t.Errorf("no limits became %+v", none)
	}
}
