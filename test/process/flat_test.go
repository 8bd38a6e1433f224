//go:build integration

package process_test

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"testing"
)

// TestMemoryIsFlat: deposits that are claimed leave nothing in the heap, not even 200
// bytes each. The benchmark's measurement "flat" does the same with a million.
func TestMemoryIsFlat(t *testing.T) {
	const warmUp, pairs, most = 1_000, 6_000, 1 << 20
	for _, store := range []string{"memory:", "sqlite:" + t.TempDir() + "/dss.db"} {
		p := startObserved(t, "--store", store, "--limits", "1000")
		p.pass(warmUp)
		before := p.heap()
		p.pass(pairs)
		if grown := p.heap() - before; grown > most {
			t.Errorf("%s: the heap has grown by %d bytes", store, grown)
		}
		p.terminate()
	}
}

// pass makes n deposits and claims each.
func (p *process) pass(n int) {
	const clients = 8
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range n / clients {
				key, token := rand.Text(), rand.Text()
				deposited := p.deposit(key, token)
				if status, body := p.claim(key); !deposited || status != 200 || body != fmt.Sprintf(`{"access_token":%q}`+"\n", token) {
					p.t.Errorf("deposited %t, and claimed %d %s", deposited, status, body)
					return
				}
			}
		})
	}
	all.Wait()
}

var heapPattern = regexp.MustCompile(`(?m)^go_memstats_heap_alloc_bytes (.*)$`)

// heap returns the size of the heap, in bytes, after a garbage collection.
func (p *process) heap() int {
	p.t.Helper()
	p.client.CloseIdleConnections()
	p.admin("/debug/pprof/heap?gc=1")
	match := heapPattern.FindStringSubmatch(p.admin("/metrics"))
	if match == nil {
		p.t.Fatal("the metrics do not show the heap")
	}
	bytes, err := strconv.ParseFloat(match[1], 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return int(bytes)
}
