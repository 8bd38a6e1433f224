//go:build integration

package process_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// history is what apps and browsers have seen while the store was in trouble,
// and what must follow from it.
type history struct {
	*fleet
	mu   sync.Mutex
	seen []*signIn
}

// signIn is one deposit and its claims.
type signIn struct {
	key, verifier string // no verifier: the key is not bound
	token         string
	acknowledged  bool
	attempts      int // claims sent
	delivered     int // that got the token
	wrong         []string
}

func (s *signIn) bound() bool { return s.verifier != "" }

// work signs in until stop is closed: every third time with a bound key, and
// every third time without a claim.
func (h *history) work(worker int, stop <-chan struct{}) {
	for n := worker; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		s := &signIn{key: rand.Text(), token: "token-" + rand.Text()}
		if n%3 == 0 {
			s.key, s.verifier = boundPair()
		}
		h.mu.Lock()
		h.seen = append(h.seen, s)
		h.mu.Unlock()
		h.deposits(s)
		switch {
		case s.bound():
			h.claimsUntilDelivered(s)
		case n%3 != 1:
			h.claims(s)
		}
	}
}

// deposits does what a browser does whose user presses the button again.
func (h *history) deposits(s *signIn) {
	for try := range 5 {
		status, _, body := h.servers[try%len(h.servers)].ask("POST", "/auth/redirect", url.Values{"state": {s.key}, "access_token": {s.token}})
		switch status {
		case http.StatusNoContent:
			s.acknowledged = true
			return
		case http.StatusServiceUnavailable:
		default:
			h.t.Errorf("deposit: %d %s", status, body)
		}
	}
}

// claims has three apps claim at the same time, at both servers.
func (h *history) claims(s *signIn) {
	var group sync.WaitGroup
	var mu sync.Mutex
	for i := range 3 {
		group.Go(func() {
			status, body := h.claimAt(i, s)
			mu.Lock()
			defer mu.Unlock()
			s.attempts++
			s.count(status, body)
		})
	}
	group.Wait()
}

// claimsUntilDelivered does what the holder of a verifier may do: it asks until
// it has the answer, which works for a minute after the first one was lost.
func (h *history) claimsUntilDelivered(s *signIn) {
	for deadline := time.Now().Add(50 * time.Second); time.Now().Before(deadline); <-time.After(100 * time.Millisecond) {
		h.claims(s)
		if s.delivered > 0 || !s.acknowledged {
			return
		}
	}
}

func (h *history) claimAt(i int, s *signIn) (int, string) {
	server := h.servers[i%len(h.servers)]
	form := url.Values{"key": {s.key}, "wait": {"1"}}
	if s.bound() {
		form.Set("verifier", s.verifier)
	}
	status, _, body := server.ask("POST", "/auth/token", form)
	return status, body
}

func (s *signIn) count(status int, body string) {
	switch {
	case status == http.StatusOK && strings.Contains(body, `"`+s.token+`"`):
		s.delivered++
	case status == http.StatusNotFound, status == http.StatusServiceUnavailable:
	default:
		s.wrong = append(s.wrong, fmt.Sprint(status, " ", body))
	}
}

// check looks at every sign-in once the trouble is over: at most one claim got
// each token (I1), and only that token (I2), in its key space (I3); what was
// acknowledged and never asked for is there (I9), and the holder of a verifier
// has got the answer, however many were lost on the way (I10).
func (h *history) check() {
	delivered, unclaimed := 0, 0
	for _, s := range h.seen {
		for _, wrong := range s.wrong {
			h.t.Errorf("a claim got %s", wrong)
		}
		if s.delivered > 1 && !s.bound() {
			h.t.Errorf("a token came out %d times", s.delivered)
		}
		if status, _, body := h.ask("GET", "/auth/token?appid=other&key="+s.key, nil); status != http.StatusNotFound && !s.bound() {
			h.t.Errorf("in another key space: %d %s", status, body)
		}
		delivered += min(1, s.delivered)
		switch {
		case s.acknowledged && s.attempts == 0:
			unclaimed++
			h.mustDeliver(s)
		case s.acknowledged && s.bound() && s.delivered == 0:
			h.t.Errorf("the holder of a verifier got nothing in %d claims", s.attempts)
		}
	}
	h.t.Logf("%d sign-ins: %d delivered, %d left for the end", len(h.seen), delivered, unclaimed)
	if delivered == 0 || unclaimed == 0 {
		h.t.Error("the trouble left nothing to check")
	}
}

func (h *history) mustDeliver(s *signIn) {
	status, body := h.claimAt(0, s)
	if before := s.delivered; status == http.StatusOK {
		s.count(status, body)
		if s.delivered == before+1 {
			return
		}
	}
	h.t.Errorf("an acknowledged deposit is lost (bound: %v, claims before: %d): %d %s", s.bound(), s.attempts, status, body)
}
