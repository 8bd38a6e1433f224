package storetest

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/relay"
)

// nothing is what a claim gets where nothing is.
var nothing = relay.ErrNoToken.Error()

var conflict = kindAndText(relay.Response{Kind: relay.KindConflict})

// expected is what the model holds under one key of one key space.
type expected struct {
	response string // as kindAndText says it; "" is nothing
	browser  string
	expires  time.Time
	claimed  time.Time // of a bound key
	deposit  time.Time // end of the deposit, while claimed
}

func (e expected) live() bool { return e.response != "" && time.Now().Before(e.expires) }

// address is a place where a response can be: the invariant that nothing
// crosses key spaces is that every address has a life of its own.
type address struct {
	space relay.KeySpace
	key   int
}

type keyPair struct {
	key      relay.Key
	verifier relay.Verifier
}

// machine runs random operations on a relay and on the model side by side.
type machine struct {
	*testing.T
	relay  *relay.Relay
	random *mathrand.Rand
	keys   []keyPair
	spaces []relay.KeySpace
	model  map[address]expected
	step   int
	last   map[address]*relay.Claimed // what may be put back
}

// Model checks the invariants I1 to I4 and I7 to I10 of the threat model for a
// relay on a store: after every step of a long random sequence, it does exactly
// what a map with the rules written out does.
func Model(t *testing.T, open Open, steps int) {
	seeds := []uint64{1, 2, 3}
	for range 5 {
		seeds = append(seeds, mathrand.Uint64())
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newMachine(t, open(t), seed).run(steps) })
		})
	}
}

func newMachine(t *testing.T, store relay.Store, seed uint64) *machine {
	m := &machine{
		T: t, relay: relay.New(store, relay.Config{}), random: mathrand.New(mathrand.NewPCG(seed, 0)),
		spaces: []relay.KeySpace{"0", "1", "app"}, model: map[address]expected{}, last: map[address]*relay.Claimed{},
	}
	for range 3 {
		m.keys = append(m.keys, keyPair{key: Key(t, rand.Text())})
		key, verifier := BoundKey(t)
		m.keys = append(m.keys, keyPair{key, verifier})
	}
	return m
}

func (m *machine) run(steps int) {
	for m.step = range steps {
		at := address{m.spaces[m.random.IntN(len(m.spaces))], m.random.IntN(len(m.keys))}
		switch m.random.IntN(10) {
		case 0, 1, 2:
			m.doDeposit(at)
		case 3, 4, 5:
			m.doClaim(at)
		case 6:
			m.doWrongVerifier(at)
		case 7:
			m.doPutBack(at)
		default:
			// The odd milliseconds keep clear of the moment of an expiry.
			time.Sleep(time.Duration(m.random.IntN(120))*time.Second + 7*time.Millisecond)
		}
		if m.Failed() {
			return
		}
	}
}

func (m *machine) randomResponse() relay.Response {
	text := fmt.Sprintf("value-%d", m.random.IntN(3))
	switch m.random.IntN(4) {
	case 0:
		return relay.NewRefusal("access_denied", text)
	case 1:
		return m.response(relay.NewCode(text))
	}
	return m.response(relay.NewToken(text))
}

func (m *machine) response(r relay.Response, err error) relay.Response {
	if err != nil {
		m.Fatal(err)
	}
	return r
}

func (m *machine) want(what, got, want string) {
	m.Helper()
	if got != want {
		m.Fatalf("%s: got %q, want %q", what, got, want)
	}
}

func kindAndText(r relay.Response) string {
	return fmt.Sprint(r.Kind, " ", r.Value.Reveal(), r.Error, r.Description)
}

func (m *machine) doDeposit(at address) {
	response := m.randomResponse()
	browser := []string{"", "one", "two"}[m.random.IntN(3)]
	if _, err := m.relay.Deposit(m.Context(), at.space, m.keys[at.key].key, response, relay.NewSecret(browser)); err != nil {
		m.Fatalf("step %d: Deposit: %v", m.step, err)
	}
	m.model[at] = m.model[at].meet(kindAndText(response), browser, time.Now().Add(relay.DefaultTTL))
}

// meet is the rule of deposits that meet.
func (e expected) meet(response, browser string, expires time.Time) expected {
	switch {
	case !e.live():
	case e.response == response, e.response == conflict:
		return e
	case browser == "" || e.browser != browser:
		response, browser = conflict, ""
	}
	return expected{response: response, browser: browser, expires: expires}
}

func (m *machine) doClaim(at address) {
	pair := m.keys[at.key]
	claimed, err := m.relay.Claim(m.Context(), relay.Claim{Space: at.space, Key: pair.key, Verifier: pair.verifier})
	got := nothing
	if err == nil {
		got = kindAndText(claimed.Response)
		m.last[at] = claimed
	}
	e := m.model[at]
	if !e.live() {
		m.want(fmt.Sprintf("step %d: claim", m.step), got, nothing)
		return
	}
	m.want(fmt.Sprintf("step %d: claim", m.step), got, e.response)
	switch {
	case !pair.key.Bound():
		delete(m.model, at)
	case e.claimed.IsZero():
		e.claimed, e.deposit = time.Now(), e.expires
		e.expires = e.claimed.Add(relay.RetryWindow)
		m.model[at] = e
	}
}

// doWrongVerifier changes nothing: the model does not move.
func (m *machine) doWrongVerifier(at address) {
	pair := m.keys[at.key]
	_, other := BoundKey(m.T)
	c := relay.Claim{Space: at.space, Key: pair.key, Verifier: other}
	want := relay.ErrInvalidVerifier.Error()
	if !pair.key.Bound() {
		want = relay.ErrUnbound.Error()
	}
	_, err := m.relay.Claim(m.Context(), c)
	m.want(fmt.Sprintf("step %d: wrong verifier", m.step), fmt.Sprint(err), want)
}

func (m *machine) doPutBack(at address) {
	claimed := m.last[at]
	if claimed == nil {
		return
	}
	delete(m.last, at)
	pair, e := m.keys[at.key], m.model[at]
	// Only the answer of the latest claim is ever put back, and of a bound
	// key only while it is the one that is there.
	if pair.key.Bound() && (!e.live() || e.claimed.IsZero() || e.response != kindAndText(claimed.Response)) {
		return
	}
	if !pair.key.Bound() && e.live() {
		return // TestPutBackMeetsAnotherDeposit
	}
	if err := m.relay.PutBack(m.Context(), claimed); err != nil {
		m.Fatalf("step %d: PutBack: %v", m.step, err)
	}
	if !pair.key.Bound() {
		// What comes back is found by the next claim, or has expired.
		again, err := m.relay.Claim(m.Context(), relay.Claim{Space: at.space, Key: pair.key})
		if err == nil {
			m.want("put back", kindAndText(again.Response), kindAndText(claimed.Response))
		}
		return
	}
	e.expires, e.claimed, e.deposit = e.deposit, time.Time{}, time.Time{}
	m.model[at] = e
}
