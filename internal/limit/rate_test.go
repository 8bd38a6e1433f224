package limit

import (
	"slices"
	"testing"
	"time"
)

func TestParseRate(t *testing.T) {
	for text, want := range map[string]Rate{
		"600/1m": {600, time.Minute}, "1/1s": {1, time.Second}, "20/10m": {20, 10 * time.Minute}, "5/24h": {5, 24 * time.Hour},
		"7/90s": {7, 90 * time.Second}, "off": {},
	} {
		r, err := ParseRate(text)
		if err != nil || r != want {
			t.Errorf("%q is %v, %v", text, r, err)
		}
		var again Rate
		if err := again.Set(r.String()); err != nil || again != r {
			t.Errorf("%v prints as %q", r, r.String())
		}
	}
	for text, want := range map[Rate]string{{600, time.Minute}: "600/1m", {5, 2 * time.Hour}: "5/2h", {7, 90 * time.Second}: "7/1m30s", {1, 10 * time.Second}: "1/10s"} {
		if got := text.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for _, text := range []string{"", "600", "600/", "/1m", "0/1m", "-1/1m", "600/0s", "600/1ms", "600/48h", "1e3/1m", "600/1", "99999999999/1m"} {
		if r, err := ParseRate(text); err == nil {
			t.Errorf("%q is %v", text, r)
		}
	}
}

func TestNames(t *testing.T) {
	names := Names()
	slices.Sort(names)
	if len(slices.Compact(names)) != 3+int(kinds)+int(withTotal) || slices.Contains(names, "") {
		t.Errorf("%q", names)
	}
}

// FuzzParseRate: what is accepted is printed in a form that means the same.
func FuzzParseRate(f *testing.F) {
	for _, text := range []string{"600/1m", "off", "1/1h0m0.5s", "1/ 1m"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRate(text)
		if err != nil {
			return
		}
		if again, err := ParseRate(r.String()); err != nil || again != r {
			t.Errorf("%q prints as %s", text, r)
		}
		if b := newBucket(r); r.N > 0 && (b.step < 1 || b.size < b.step) {
			t.Errorf("%s is counted as %+v", r, b)
		}
	})
}
