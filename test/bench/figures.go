package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

func last(values []float64) float64 { return values[len(values)-1] }

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// quantile returns the q-th quantile of what has been measured; 1 is the
// largest.
func quantile(values []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// short writes a duration with three digits.
func short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%.0f ms", d.Seconds()*1000)
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

// describeMachine prints what was measured on.
func describeMachine(out io.Writer, folder string) error {
	sync, err := fsyncTime(filepath.Join(folder, "fsync"))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d processors (%s), %s, %s/%s; appending 4 KiB and fsync: %s\n",
		runtime.NumCPU(), processorName(), runtime.Version(), runtime.GOOS, runtime.GOARCH, short(sync))
	return nil
}

func processorName() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// fsyncTime is what the disk needs to keep 4 KiB for good: the median of 100.
func fsyncTime(path string) (time.Duration, error) {
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	var took []time.Duration
	page := make([]byte, 4096)
	for range 100 {
		began := time.Now()
		if _, err := file.Write(page); err != nil {
			return 0, err
		}
		if err := file.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
	}
	return quantile(took, 0.5), nil
}
