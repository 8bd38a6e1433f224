//go:build integration

package proxychain_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// flood is what somebody does over and over: so many requests, of which one
// client gets so few through.
type flood struct {
	name           string
	requests, most int64
	send           func(ctx context.Context, c client, address string) int
}

const (
	workers = 16
	// slack is what flows back into the buckets meanwhile, on any machine.
	slack = 1000
)

var floods = []flood{
	{"made-up keys", 3000, 600 + slack, func(ctx context.Context, c client, address string) int {
		status, _ := c.do(ctx, address, "/auth/token?key="+rand.Text(), "")
		return status
	}},
	{"deposits", 3000, 1000, func(ctx context.Context, c client, address string) int {
		status, _ := c.do(ctx, address, "/auth/redirect", "access_token=T&state="+rand.Text())
		return status
	}},
	{"devices", 3000, 500, func(ctx context.Context, c client, address string) int {
		status, _ := c.do(ctx, address, "/oauth/device_authorization", "client_id=1")
		return status
	}},
	{"user codes", 3000, 60 + slack/10, func(ctx context.Context, c client, address string) int {
		status, _ := c.do(ctx, address, "/device?user_code="+randomUserCode(), "")
		return status
	}},
}

func randomUserCode() string {
	const alphabet = "BCDFGHJKLMNPQRSTVWXZ"
	code := make([]byte, 8)
	rand.Read(code)
	for i := range code {
		code[i] = alphabet[int(code[i])%len(alphabet)]
	}
	return string(code)
}

// TestFlood floods the server, as it is by default, from one address. All that
// another client asks for meanwhile is answered.
func TestFlood(t *testing.T) {
	for _, f := range floods {
		t.Run(f.name, func(t *testing.T) {
			address := start(t)
			alone := honest(t, address, func() bool { return false })
			var sent, refused, through atomic.Int64
			var group sync.WaitGroup
			for range workers {
				c := newClient(t, "127.0.0.2")
				group.Go(func() {
					for sent.Add(1) <= f.requests {
						switch status := f.send(t.Context(), c, address); status {
						case http.StatusTooManyRequests:
							refused.Add(1)
						case 0:
							t.Error("a request of the flood is not answered")
						default:
							through.Add(1)
						}
					}
				})
			}
			took := honest(t, address, func() bool { return sent.Load() < f.requests })
			group.Wait()
			if through.Load() > f.most || refused.Load() < f.requests-f.most {
				t.Errorf("of the flood, %d get through and %d are refused", through.Load(), refused.Load())
			}
			t.Logf("%d get through, %d are refused; others: %d requests, half within %s, 99 %% within %s; without a flood half within %s, 99 %% within %s",
				through.Load(), refused.Load(), len(took), took[len(took)/2], took[len(took)*99/100], alone[len(alone)/2], alone[len(alone)*99/100])
		})
	}
}

// honest signs in over and over from another address, at least a few times,
// and returns how long each request took, in order of length.
func honest(t *testing.T, address string, more func() bool) (took []time.Duration) {
	c := newClient(t, "127.0.0.3")
	check := func(want int, path, body string) string {
		began := time.Now()
		status, answer := c.do(t.Context(), address, path, body)
		took = append(took, time.Since(began))
		if status != want {
			t.Errorf("who does nothing wrong gets %d for %s: %s", status, strings.SplitN(path, "?", 2)[0], answer)
		}
		return answer
	}
	for round := 0; round < 10 || round < 100 && more(); round++ {
		key := rand.Text()
		check(http.StatusNotFound, "/auth/token?key="+key, "")
		check(http.StatusOK, "/auth/redirect?code=C&state="+key, "")
		check(http.StatusNoContent, "/auth/redirect", "code=C&state="+key)
		check(http.StatusOK, "/auth/token?key="+key, "")
		answer := check(http.StatusOK, "/oauth/device_authorization", "client_id=1")
		match := regexp.MustCompile(`"user_code":"([^"]+)"`).FindStringSubmatch(answer)
		if match == nil {
			t.Fatalf("no user code in %s", answer)
		}
		check(http.StatusOK, "/device?user_code="+match[1], "")
		check(http.StatusSeeOther, "/device", "decision=decline&user_code="+match[1])
	}
	slices.Sort(took)
	return took
}

// TestLimitsOff: who asks for it gets a server that refuses nothing.
func TestLimitsOff(t *testing.T) {
	address := start(t, "--limits", "off")
	c := newClient(t, "127.0.0.2")
	for i := range 1000 {
		if status, answer := c.do(t.Context(), address, "/auth/token?key="+rand.Text(), ""); status != http.StatusNotFound {
			t.Fatalf("request %d: %d %s", i, status, answer)
		}
	}
}

// TestFloodOfWaiters: one address cannot take the place of all who wait.
func TestFloodOfWaiters(t *testing.T) {
	const places, share, floods = 60, 50, 90
	address := start(t, "--max-entries", fmt.Sprint(5*places), "--limits", "0.1")
	flooder, other := newClient(t, "127.0.0.2"), newClient(t, "127.0.0.3")
	ctx, hangUp := context.WithCancel(t.Context())
	refused := make(chan int, floods)
	var group sync.WaitGroup
	for range floods {
		group.Go(func() {
			if status, _ := flooder.do(ctx, address, "/auth/token?wait=60&key="+rand.Text(), ""); ctx.Err() == nil {
				refused <- status
			}
		})
	}
	for range floods - share { // all others wait
		if status := <-refused; status != http.StatusTooManyRequests {
			t.Errorf("a waiter too many gets %d", status)
		}
	}
	key := rand.Text()
	answer := make(chan string, 1)
	group.Go(func() {
		status, body := other.do(t.Context(), address, "/auth/token?wait=60&key="+key, "")
		answer <- fmt.Sprint(status, " ", strings.TrimSpace(body))
	})
	if status, body := other.do(t.Context(), address, "/auth/redirect", "access_token=T&state="+key); status != http.StatusNoContent {
		t.Errorf("deposit: %d %s", status, body)
	}
	if got := <-answer; got != `200 {"access_token":"T"}` {
		t.Errorf("who does nothing wrong gets %s", got)
	}
	hangUp()
	group.Wait()
}
