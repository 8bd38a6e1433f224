package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// model is what a store should hold.
type model map[sealed.ID]expected

func (m model) find(id sealed.ID) string {
	if e := m[id]; e.live() {
		return e.response
	}
	return "absent"
}

// randomOperations compares a store with a map over a long random sequence.
func randomOperations(t *testing.T, s sealed.Store) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	ids := make([]sealed.ID, 8)
	for i := range ids {
		ids[i] = newID()
	}
	m := model{}
	for step := range 3000 {
		id := ids[random.IntN(len(ids))]
		value, ttl := fmt.Sprint(step), time.Duration(1+random.IntN(100))*time.Second
		there := m.find(id)
		switch random.IntN(5) {
		case 0:
			if got := create(t, s, id, value, ttl); got != (there == "absent") {
				t.Fatalf("step %d: Create = %v, and there was %q", step, got, there)
			} else if got {
				m[id] = expected{response: value, expires: time.Now().Add(ttl)}
			}
		case 1:
			want(t, fmt.Sprintf("step %d: get", step), find(t, s.Get, id), there)
		case 2:
			want(t, fmt.Sprintf("step %d: take", step), find(t, s.Take, id), there)
			delete(m, id)
		case 3:
			ok, err := s.Replace(t.Context(), id, []byte(there), []byte(value), ttl)
			if err != nil || ok != (there != "absent") {
				t.Fatalf("step %d: Replace = %v, %v, and there was %q", step, ok, err, there)
			}
			if ok {
				m[id] = expected{response: value, expires: time.Now().Add(ttl)}
			}
		case 4:
			// An odd number keeps clear of the very moment of an expiry.
			time.Sleep(time.Duration(1+random.IntN(20))*time.Second + 7*time.Millisecond)
		}
	}
}
