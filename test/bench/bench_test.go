//go:build integration

package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/program"
)

var binary string

func TestMain(m *testing.M) {
	if len(os.Args) >= 2 && os.Args[1] == "ceiling" {
		exit(serveCeiling(os.Args[2:]...))
	}
	program.Main(m.Run, program.Plain(&binary))
}

// TestMeasurements runs each measurement for a moment. It holds no figure against
// a threshold.
func TestMeasurements(t *testing.T) {
	for _, m := range measurements() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			err := run(&out, settings{
				binary: binary, folder: t.TempDir(), only: m.name, rounds: 1, round: 100 * time.Millisecond,
				conns: []int{2}, waiters: 50, pairs: 1280, streams: 150, levels: []int{64, 128},
				claims: 2, handed: 5, pending: 50,
			})
			if err != nil {
				t.Fatal(err)
			}
			if rows := strings.Count(out.String(), "\n| "); rows < 3 {
				t.Errorf("%d rows:\n%s", rows, &out)
			}
			if m.name == "pair" && !costsTime(out.String()) {
				t.Errorf("no processor time:\n%s", &out)
			}
		})
	}
}

// costsTime reports whether some row has processor time.
func costsTime(table string) bool {
	return regexp.MustCompile(`\| [\d.]*[1-9][\d.]* µs \| [\d.]+ \| [\d.]+ [µm]`).MatchString(table)
}
