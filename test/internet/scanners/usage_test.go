//go:build integration

package scanners_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"time"
)

// usage is what a server has in use.
type usage struct {
	files, goroutines int
	heap              int // live, in bytes
}

func (u usage) String() string {
	return fmt.Sprintf("%d files, %d goroutines, %d KiB", u.files, u.goroutines, u.heap>>10)
}

// What an idle server may have in use besides what it had: connections that
// are being closed, and the tables of limits.
const (
	slackFiles      = 5
	slackGoroutines = 10
	slackHeap       = 24 << 20
)

// settles fails unless the server's usage is back within minutes: net/http
// keeps what a connection had that broke amid requests as long as it keeps an
// idle one, which is 90 seconds.
func (s *server) settles(before usage) {
	s.Helper()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	var now usage
	for range 1000 {
		s.hangUp()
		now = s.usage()
		if now.files <= before.files+slackFiles && now.goroutines <= before.goroutines+slackGoroutines && now.heap <= before.heap+slackHeap {
			s.Logf("afterwards %v", now)
			return
		}
		<-tick.C
	}
	s.Errorf("before: %v; after: %v", before, now)
}

// usage asks the server, which collects its garbage for that.
func (s *server) usage() usage {
	s.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.pid))
	if err != nil {
		s.Fatal(err)
	}
	s.ask("/debug/pprof/heap?gc=1")
	text := s.ask("/metrics")
	return usage{len(entries), s.metric(text, "go_goroutines"), s.metric(text, "go_memstats_heap_alloc_bytes")}
}

func (s *server) metric(text, name string) int {
	s.Helper()
	match := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(text)
	if match == nil {
		s.Fatalf("no %s", name)
	}
	value, err := strconv.ParseFloat(match[1], 64)
	if err != nil {
		s.Fatal(err)
	}
	return int(value)
}

// ask asks the admin server.
func (s *server) ask(path string) string {
	s.Helper()
	response, err := http.Get("http://" + s.admin + path)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		s.Fatal(response.Status, err)
	}
	return string(body)
}
