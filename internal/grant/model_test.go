package grant_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/grant"
	"github.com/desktop-stack-serv/dss/internal/relay"
)

const ttl = 15 * time.Minute

// modelDevice is what a device grant should be like.
type modelDevice struct {
	a        grant.DeviceAuthorization
	state    string // as seen by a browser that has continued
	deadline time.Time
	browser  relay.Secret
	code     string
	status   string // pending, approved, denied, over
}

func (d *modelDevice) alive() bool { return time.Now().Before(d.deadline) }

// modelWorld plays random operations against the service and the model.
type modelWorld struct {
	world
	t       *testing.T
	random  *rand.Rand
	devices []*modelDevice
	codes   int
	trace   []string
}

func (m *modelWorld) expect(operation string, got, want error) {
	m.t.Helper()
	m.trace = append(m.trace, fmt.Sprintf("%s: %v", operation, got))
	if !errors.Is(got, want) && (got != nil || want != nil) {
		m.t.Fatalf("%s: %v, want %v, after\n%v", operation, got, want, m.trace)
	}
}

func (m *modelWorld) pick() *modelDevice { return m.devices[m.random.IntN(len(m.devices))] }

func (m *modelWorld) anyBrowser() relay.Secret {
	return []relay.Secret{browser, otherBrowser, {}}[m.random.IntN(3)]
}

func (m *modelWorld) authorize() {
	d := &modelDevice{a: m.device(m.t), deadline: time.Now().Add(ttl), status: "pending"}
	m.devices = append(m.devices, d)
}

func (m *modelWorld) continues() {
	d, by := m.pick(), []relay.Secret{browser, otherBrowser}[m.random.IntN(2)]
	address, err := m.Continue(m.t.Context(), d.a.UserCode, by)
	if d.status != "pending" || !d.alive() {
		m.expect("continue", err, grant.ErrUnknown)
		return
	}
	m.expect("continue", err, nil)
	d.state, d.browser = stateIn(m.t, address), by
}

func (m *modelWorld) decline() {
	d := m.pick()
	err := m.Decline(m.t.Context(), d.a.UserCode)
	if d.status != "pending" || !d.alive() {
		m.expect("decline", err, grant.ErrUnknown)
		return
	}
	m.expect("decline", err, nil)
	d.status = "denied"
}

func (m *modelWorld) callback() {
	d, by := m.pick(), m.anyBrowser()
	if d.state == "" {
		return
	}
	m.codes++
	answer := grant.Answer{Code: fmt.Sprint("code-", m.codes)}
	if m.random.IntN(3) == 0 {
		answer = grant.Answer{Error: "access_denied"}
	}
	outcome, err := m.Callback(m.t.Context(), d.state, answer, by)
	switch {
	case !d.alive() || d.status == "over":
		m.expect("callback", err, grant.ErrUnknown)
	case by.IsZero() || by != d.browser:
		m.expect("callback", err, grant.ErrWrongBrowser)
	case d.status == "denied" && answer.Code == "":
		m.expect("callback again", err, nil)
	case d.status != "pending":
		m.expect("callback", err, grant.ErrUnknown)
	default:
		m.expect("callback", err, nil)
		d.status, d.code = "denied", answer.Code
		if answer.Code != "" {
			d.status = "approved"
		}
		if outcome.Approved != (answer.Code != "") {
			m.t.Fatalf("outcome %+v of %+v", outcome, answer)
		}
	}
}

func (m *modelWorld) polls() {
	time.Sleep(2 * grant.Interval) // in time, whatever was before
	d := m.pick()
	token, err := m.poll(m.t.Context(), d.a)
	switch {
	case !d.alive():
		m.expect("poll", err, grant.ErrExpired)
	case d.status == "over":
		m.expect("poll", err, grant.ErrInvalidGrant)
	case d.status == "denied":
		m.expect("poll", err, grant.ErrDenied)
	case d.status == "pending":
		m.expect("poll", err, grant.ErrPending)
	case m.upstream.down.Load():
		m.expect("poll", err, grant.ErrUnavailable)
	default:
		m.expect("poll", err, nil)
		if token.AccessToken.Reveal() != "token-of-"+d.code {
			m.t.Fatalf("the token of another: %q, want that of %s", token.AccessToken.Reveal(), d.code)
		}
		d.status = "over"
	}
}

func (m *modelWorld) pollsAsAnother() {
	d := m.pick()
	_, err := m.Poll(m.t.Context(), grant.Poll{ClientID: "8", DeviceCode: d.a.DeviceCode})
	want := grant.ErrInvalidGrant
	if !d.alive() {
		want = grant.ErrExpired
	}
	m.expect("poll of another client", err, want)
}

// TestModel plays random sequences of everything that devices, users, browsers
// and Stack Exchange can do.
func TestModel(t *testing.T) {
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) { play(t, seed, newWorld()) })
	}
}

// TestModelOfSeveral does that with three servers on one store, of which any
// answers.
func TestModelOfSeveral(t *testing.T) {
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) { play(t, seed, newWorlds(3, grant.Config{Shared: true})...) })
	}
}

func play(t *testing.T, seed uint64, servers ...world) {
	m := &modelWorld{t: t, random: rand.New(rand.NewPCG(seed, 1))}
	m.world = servers[0]
	m.authorize()
	operations := []func(){
		m.authorize, m.continues, m.continues, m.callback, m.callback, m.callback, m.decline, m.polls, m.polls, m.polls, m.pollsAsAnother,
		func() { time.Sleep(time.Duration(m.random.IntN(300)) * time.Second) },
		func() { m.upstream.down.Store(m.random.IntN(2) == 0) },
	}
	for range 60 {
		m.world = servers[m.random.IntN(len(servers))]
		operations[m.random.IntN(len(operations))]()
	}
}
