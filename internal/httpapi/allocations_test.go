package httpapi_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
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
		{"deposit", 33, d.deposit},
		{"claim", 19, func() { d.claim(); d.key-- }}, // of the deposits before it
		{"device poll", 21, func() { d.post(400, "/oauth/token", device) }},
	} {
		if n := testing.AllocsPerRun(1000, budget.request); n > budget.most {
			t.Errorf("a %s makes %v allocations, more than %v", budget.name, n, budget.most)
		}
	}
}

// looked is a store that says when a claim has found nothing.
type looked struct {
	*memory.Store
	done chan struct{}
}

func (l looked) Take(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	defer func() { l.done <- struct{}{} }()
	return l.Store.Take(ctx, id)
}

// TestStackOfAWait: a claim that waits over HTTP/1.1 has a stack of 4 KiB, and net/http
// one of at most as much. The next size is 8 KiB. What is deepest by far is the
// derivation of the slot.
func TestStackOfAWait(t *testing.T) {
	if raceDetector() {
		return // its frames are larger
	}
	const waiters, most = 500, 8 << 10
	store := looked{inMemory(), make(chan struct{})}
	d := newDSS(t, store)
	stacks := []metrics.Sample{{Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(stacks)
	before := int64(stacks[0].Value.Uint64())
	for range waiters {
		conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "GET /auth/token?wait=60&key=%s HTTP/1.1\r\nHost: %s\r\n\r\n",
			rand.Text(), conn.RemoteAddr())
		if err != nil {
			t.Fatal(err)
		}
		<-store.done
	}
	metrics.Read(stacks)
	if each := (int64(stacks[0].Value.Uint64()) - before) / waiters; each > most {
		t.Errorf("the stacks of each waiting client take %d bytes", each)
	}
}

func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
