package storetest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	mathrand "math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// nothing is what a claim gets where nothing is.
var nothing = relay.ErrNoToken.Error()

var conflict = kindAndText(relay.Response{Kind: relay.KindConflict})

// expected is what the model holds under one key of one key space.
type expected struct {
	response string // as kindAndText says it; "" is nothing
	browser  string
	expires  time.Time
	claimed  bool // under a bound key
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
	last   map[address]taken // what may be put back
}

// taken is the latest claim at an address, and what the model held there.
type taken struct {
	claimed *relay.Claimed
	was     expected
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

func newMachine(t *testing.T, store sealed.Store, seed uint64) *machine {
	m := &machine{
		T: t, relay: relay.New(sealed.NewVault(store), relay.Config{}), random: mathrand.New(mathrand.NewPCG(seed, 0)),
		spaces: []relay.KeySpace{"0", "1", "app"}, model: map[address]expected{}, last: map[address]taken{},
	}
	for range 3 {
		m.keys = append(m.keys, keyPair{key: Key(t, rand.Text())})
		key, verifier := BoundKey(t)
		m.keys = append(m.keys, keyPair{key, verifier})
	}
	return m
}

// run stays at an address for a few steps: what can go wrong is what follows
// soon upon something else.
func (m *machine) run(steps int) {
	at := address{m.spaces[0], 0}
	for m.step = range steps {
		if m.random.IntN(3) == 0 {
			at = address{m.spaces[m.random.IntN(len(m.spaces))], m.random.IntN(len(m.keys))}
		}
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
	if _, err := m.relay.Deposit(m.Context(), at.space, m.keys[at.key].key, response, secret.New(browser)); err != nil {
		m.Fatalf("step %d: Deposit: %v", m.step, err)
	}
	later := expected{response: kindAndText(response), browser: browser, expires: time.Now().Add(api.DefaultTTL)}
	m.model[at] = m.model[at].merge(later)
}

// merge is the rule for a second deposit.
func (e expected) merge(later expected) expected {
	switch {
	case !e.live():
		return later
	case e.claimed, e.response == later.response, e.response == conflict:
		return e
	case e.browser != "" && e.browser == later.browser:
		return later
	}
	return expected{response: conflict, expires: later.expires}
}

func (m *machine) doClaim(at address) {
	pair := m.keys[at.key]
	claimed, err := m.relay.Claim(m.Context(), relay.Claim{Space: at.space, Key: pair.key, Verifier: pair.verifier})
	got, e := nothing, m.model[at]
	if err == nil {
		got = kindAndText(claimed.Response)
		m.last[at] = taken{claimed, e}
	}
	if !e.live() {
		m.want(fmt.Sprintf("step %d: claim", m.step), got, nothing)
		return
	}
	m.want(fmt.Sprintf("step %d: claim", m.step), got, e.response)
	switch {
	case !pair.key.Bound():
		delete(m.model, at)
	case !e.claimed:
		e.claimed, e.expires = true, time.Now().Add(api.RetryWindow)
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

// doPutBack puts the answer of the latest claim back, as if the claimant had
// left before it could be sent.
func (m *machine) doPutBack(at address) {
	last, ok := m.last[at]
	if !ok {
		return
	}
	delete(m.last, at)
	if err := m.relay.PutBack(m.Context(), last.claimed); err != nil {
		m.Fatalf("step %d: PutBack: %v", m.step, err)
	}
	if m.keys[at.key].key.Bound() || !last.was.live() {
		return // the holder of the verifier may claim again as it is
	}
	e := m.model[at]
	switch {
	case !e.live():
		e = last.was
	case last.was.response == conflict:
		e = expected{response: conflict, expires: e.expires}
	case last.was.response == e.response: // what is there stays
	default:
		e = last.was.merge(e)
	}
	m.model[at] = e
}

// Key returns text as a key.
func Key(t *testing.T, text string) relay.Key {
	t.Helper()
	key, err := relay.ParseKey(text, false)
	if err != nil {
		t.Fatalf("key: %v", err)
	}
	return key
}

// BoundKey returns a verifier and the key bound to it.
func BoundKey(t *testing.T) (relay.Key, relay.Verifier) {
	t.Helper()
	text := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(text))
	return Key(t, relay.BoundPrefix+base64.RawURLEncoding.EncodeToString(sum[:])), relay.NewVerifier(text)
}
