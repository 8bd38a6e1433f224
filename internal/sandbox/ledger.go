package sandbox

import (
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	tokenLife   = 24 * time.Hour
	codeLife    = time.Minute
	maxTokens   = 10_000
	maxCodes    = 1_000
	maxConsents = 10_000
)

var errFull = errors.New("the sandbox is full; try again later, or restart it")

// grant is what the user lets an app do.
type grant struct {
	clientID string
	asked    []string // the scopes that the app named
	scopes   []string // those that it gets
	life     time.Duration
}

func (g grant) expires() bool { return !slices.Contains(g.scopes, noExpiry) }

// token is an access token with the grant it stands for.
type token struct {
	grant
	text   string
	issued time.Time
}

// response returns t as parameters of an answer.
func (t token) response() []pair {
	response := []pair{{"access_token", t.text}}
	if t.expires() {
		response = append(response, pair{"expires", strconv.Itoa(t.seconds())})
	}
	return response
}

func (t token) seconds() int { return int(t.life.Seconds()) }
func (t token) aged() bool   { return time.Since(t.issued) >= tokenLife }
func (t token) dead() bool   { return t.expires() && time.Since(t.issued) >= t.life }

// code is what an authorization code stands for.
type code struct {
	grant
	redirectURI, challenge string
	issued                 time.Time
}

func (c code) dead() bool { return time.Since(c.issued) >= codeLife }

// ledger keeps what the user has granted. All of it is bounded: when it
// is full, it drops what has expired, and then refuses new entries.
type ledger struct {
	mu        sync.Mutex
	maxTokens int
	tokens    map[string]token
	codes     map[string]code
	consents  map[string]consent // by client ID
}

// consent is what the user has last approved for an app.
type consent struct {
	grant
	given time.Time
}

func newLedger() *ledger {
	return &ledger{
		maxTokens: maxTokens, tokens: map[string]token{}, codes: map[string]code{}, consents: map[string]consent{},
	}
}

// issueToken makes a token for g, which the user has just approved.
func (l *ledger) issueToken(g grant) (token, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.roomForToken() {
		return token{}, errFull
	}
	l.consent(g)
	return l.newToken(g), nil
}

// issueCode makes a code for c, which the user has just approved.
func (l *ledger) issueCode(c code) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.codes) >= maxCodes {
		maps.DeleteFunc(l.codes, func(_ string, c code) bool { return c.dead() })
	}
	if len(l.codes) >= maxCodes {
		return "", errFull
	}
	l.consent(c.grant)
	c.issued = time.Now()
	text := randomToken()
	l.codes[text] = c
	return text, nil
}

// redeem turns a code into a token. Presenting a code uses it up, unless
// the ledger is full.
func (l *ledger) redeem(p params, app App) (token, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.roomForToken() {
		return token{}, errFull
	}
	c, ok := l.codes[p["code"]]
	delete(l.codes, p["code"])
	if !ok || c.clientID != p["client_id"] {
		return token{}, errNoCode
	}
	if err := c.check(p, app); err != nil {
		return token{}, err
	}
	return l.newToken(c.grant), nil
}

// find returns the live token called text.
func (l *ledger) find(text string) (token, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.tokens[text]
	return t, ok && !t.dead()
}

// invalidate ends one token.
func (l *ledger) invalidate(t token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.tokens, t.text)
}

// deauthenticate removes the app that has a token from the user's account.
func (l *ledger) deauthenticate(t token) { l.remove(t.clientID) }

// remove removes an app from the user's account, with all it holds.
func (l *ledger) remove(clientID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.tokens, func(_ string, t token) bool { return t.clientID == clientID })
	maps.DeleteFunc(l.codes, func(_ string, c code) bool { return c.clientID == clientID })
	delete(l.consents, clientID)
}

// consented returns what the user has approved for the app before.
func (l *ledger) consented(clientID string) (consent, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.consents[clientID]
	return c, ok
}

// authorized returns all consents, the newest first.
func (l *ledger) authorized() []consent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.SortedFunc(maps.Values(l.consents), func(a, b consent) int { return b.given.Compare(a.given) })
}

// roomForToken reports whether there is room for a token. If it must, it drops
// those older than a day, even if they never expire. l.mu is held.
func (l *ledger) roomForToken() bool {
	for _, drop := range []func(token) bool{token.dead, token.aged} {
		if len(l.tokens) >= l.maxTokens {
			maps.DeleteFunc(l.tokens, func(_ string, t token) bool { return drop(t) })
		}
	}
	return len(l.tokens) < l.maxTokens
}

func (l *ledger) newToken(g grant) token {
	t := token{g, randomToken(), time.Now()}
	l.tokens[t.text] = t
	return t
}

func (l *ledger) consent(g grant) {
	if _, ok := l.consents[g.clientID]; ok || len(l.consents) < maxConsents {
		l.consents[g.clientID] = consent{g, time.Now()}
	}
}

const tokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789()*"

// randomToken returns 24 characters that look like those of Stack Exchange.
func randomToken() string {
	const fair = 256 / len(tokenAlphabet) * len(tokenAlphabet)
	text := make([]byte, 0, 24)
	for random := make([]byte, 1); len(text) < 22; {
		rand.Read(random)
		if b := int(random[0]); b < fair {
			text = append(text, tokenAlphabet[b%len(tokenAlphabet)])
		}
	}
	return string(append(text, "))"...))
}
