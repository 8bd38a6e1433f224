package oauth_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

const (
	ttl      = 15 * time.Minute
	codeLife = 10 * time.Minute
)

// modelSignIn is what a sign-in should be like.
type modelSignIn struct {
	device   oauth.DeviceAuthorization // of the device grant
	appCode  secret.Text               // of the code grant, once the app has it
	code     bool                      // it is of the code grant
	state    string                    // as seen by a browser that has gone to Stack Exchange
	deadline time.Time
	redeem   time.Time // until when the app may redeem appCode
	browser  int
	answer   string // Stack Exchange's code
	status   string // pending, approved, denied, redeemed
}

func (d *modelSignIn) alive() bool { return time.Now().Before(d.deadline) }

// modelWorld plays random operations against the service and the model.
type modelWorld struct {
	world
	t       *testing.T
	random  *rand.Rand
	signIns []*modelSignIn
	codes   int
	trace   []string
}

var modelBrowsers = []oauth.Browser{nobody, browser, otherBrowser}

func (m *modelWorld) expect(operation string, got, want error) {
	m.t.Helper()
	m.trace = append(m.trace, fmt.Sprintf("%s: %v", operation, got))
	if !errors.Is(got, want) && (got != nil || want != nil) {
		m.t.Fatalf("%s: %v, want %v, after\n%v", operation, got, want, m.trace)
	}
}

// pick returns a sign-in of one of the two grants.
func (m *modelWorld) pick(code bool) *modelSignIn {
	for {
		if d := m.signIns[m.random.IntN(len(m.signIns))]; d.code == code {
			return d
		}
	}
}

func (m *modelWorld) authorizeDevice() {
	m.signIns = append(m.signIns, &modelSignIn{device: m.device(m.t), deadline: time.Now().Add(ttl), status: "pending"})
}

func (m *modelWorld) authorize() {
	by := 1 + m.random.IntN(2)
	address, err := m.Authorize(m.t.Context(), oauth.AuthorizationRequest{
		ClientID: "7", RedirectURI: "http://127.0.0.1:1/", CodeChallenge: challenge, State: "st",
	}, modelBrowsers[by])
	m.expect("authorize", err, nil)
	m.signIns = append(m.signIns, &modelSignIn{
		code: true, state: stateIn(m.t, address), deadline: time.Now().Add(ttl), browser: by, status: "pending",
	})
}

func (m *modelWorld) continues() {
	d, by := m.pick(false), 1+m.random.IntN(2)
	address, err := m.Continue(m.t.Context(), d.device.UserCode, modelBrowsers[by])
	if d.status != "pending" || !d.alive() {
		m.expect("continue", err, oauth.ErrUnknown)
		return
	}
	m.expect("continue", err, nil)
	d.state, d.browser = stateIn(m.t, address), by
}

func (m *modelWorld) decline() {
	d := m.pick(false)
	err := m.Decline(m.t.Context(), d.device.UserCode)
	if d.status != "pending" || !d.alive() {
		m.expect("decline", err, oauth.ErrUnknown)
		return
	}
	m.expect("decline", err, nil)
	d.status = "denied"
}

// callback comes with an error, a new code, or the same code again.
func (m *modelWorld) callback() {
	d, by := m.pick(m.random.IntN(2) == 0), m.random.IntN(3)
	if d.state == "" {
		return
	}
	m.codes++
	answer := oauth.Answer{Code: fmt.Sprint("code-", m.codes)}
	switch {
	case m.random.IntN(3) == 0:
		answer = oauth.Answer{Error: "access_denied"}
	case d.answer != "" && m.random.IntN(2) == 0:
		answer.Code = d.answer
	}
	outcome, err := m.Callback(m.t.Context(), d.state, answer, modelBrowsers[by])
	operation := fmt.Sprintf("callback with %+v", answer)
	switch {
	case !d.alive():
		m.expect(operation, err, oauth.ErrUnknown)
		return
	case by == 0 || by != d.browser:
		m.expect(operation, err, oauth.ErrWrongBrowser)
		return
	case d.status == "denied" && answer.Code != "" && !d.code:
		m.expect(operation, err, oauth.ErrUnknown) // the device may know
		return
	}
	m.expect(operation, err, nil)
	d.comes(answer)
	m.check(d, outcome)
}

// comes is what an answer of Stack Exchange changes.
func (d *modelSignIn) comes(answer oauth.Answer) {
	switch {
	case d.status == "redeemed":
	case answer.Code != "" && d.code && d.answer == "":
		d.deadline = latest(d.deadline, time.Now().Add(time.Minute))
		fallthrough
	case answer.Code != "" && d.answer != answer.Code:
		d.status, d.answer, d.redeem = "approved", answer.Code, time.Now().Add(codeLife)
	case answer.Code == "" && d.status == "pending":
		d.status = "denied"
	}
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// check compares what the browser sees with what the sign-in has come to. A
// code grant leads to the same place each time.
func (m *modelWorld) check(d *modelSignIn, outcome oauth.Outcome) {
	m.t.Helper()
	if !d.code {
		if outcome.Redirect != "" || outcome.Approved != (d.status != "denied") {
			m.t.Fatalf("outcome %+v of a device that is %s, after\n%v", outcome, d.status, m.trace)
		}
		return
	}
	u, err := url.Parse(outcome.Redirect)
	if err != nil {
		m.t.Fatal(err)
	}
	code := secret.New(u.Query().Get("code"))
	if (d.status == "denied") != code.IsZero() || (!d.appCode.IsZero() && !code.IsZero() && !d.appCode.Equal(code)) {
		m.t.Fatalf("redirect to %s of a sign-in that is %s, after\n%v", u, d.status, m.trace)
	}
	if !code.IsZero() {
		d.appCode = code
	}
}

func (m *modelWorld) polls() {
	time.Sleep(2 * oauth.Interval) // in time, whatever was before
	d := m.pick(false)
	token, err := m.poll(m.t.Context(), d.device)
	switch {
	case !d.alive():
		m.expect("poll", err, oauth.ErrExpired)
	case d.status == "redeemed":
		m.expect("poll", err, oauth.ErrInvalidGrant)
	case d.status == "denied":
		m.expect("poll", err, oauth.ErrDenied)
	case d.status == "pending":
		m.expect("poll", err, oauth.ErrPending)
	case m.upstream.down.Load():
		m.expect("poll", err, oauth.ErrUnavailable)
	default:
		m.expect("poll", err, nil)
		m.redeemed(d, token)
	}
}

func (m *modelWorld) redeems() {
	d := m.pick(true)
	if d.appCode.IsZero() {
		return
	}
	token, err := m.redeem(m.t.Context(), d.appCode)
	switch {
	case !d.alive() || d.status != "approved" || !time.Now().Before(d.redeem):
		m.expect("redeem", err, oauth.ErrInvalidGrant)
	case m.upstream.down.Load():
		m.expect("redeem", err, oauth.ErrUnavailable)
	default:
		m.expect("redeem", err, nil)
		m.redeemed(d, token)
	}
}

func (m *modelWorld) redeemed(d *modelSignIn, token oauth.Token) {
	m.t.Helper()
	if token.AccessToken.Reveal() != "token-of-"+d.answer {
		m.t.Fatalf("the token of another: %q, want that of %s", token.AccessToken.Reveal(), d.answer)
	}
	d.status = "redeemed"
}

func (m *modelWorld) pollsAsAnother() {
	d := m.pick(false)
	_, err := m.Poll(m.t.Context(), oauth.Poll{ClientID: "8", DeviceCode: d.device.DeviceCode})
	want := oauth.ErrInvalidGrant
	if !d.alive() {
		want = oauth.ErrExpired
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
		synctest.Test(t, func(t *testing.T) { play(t, seed, newWorlds(3, oauth.Config{Shared: true})...) })
	}
}

func play(t *testing.T, seed uint64, servers ...world) {
	m := &modelWorld{t: t, random: rand.New(rand.NewPCG(seed, 1))}
	m.world = servers[0]
	m.authorizeDevice()
	m.authorize()
	operations := []func(){
		m.authorizeDevice, m.continues, m.continues, m.decline, m.polls, m.polls, m.polls, m.pollsAsAnother,
		m.authorize, m.redeems, m.redeems, m.callback, m.callback, m.callback, m.callback, m.callback,
		func() { time.Sleep(time.Duration(m.random.IntN(300)) * time.Second) },
		func() { m.upstream.down.Store(m.random.IntN(2) == 0) },
	}
	for range 80 {
		m.world = servers[m.random.IntN(len(servers))]
		operations[m.random.IntN(len(operations))]()
	}
}
