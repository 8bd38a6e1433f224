package oauth

import (
	"crypto/rand"
	"strconv"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

// state is the state that a sign-in has at Stack Exchange. Its session is stored under it.
type state [32]byte

func newState() (s state) {
	rand.Read(s[:])
	return s
}

// statePrefix tells the states that this package sends to Stack Exchange from
// the keys of the relay.
const statePrefix = "dss."

func (s state) text() string { return statePrefix + secret.Encode(s[:]).Reveal() }

// IsState reports whether text has the form of a state of this package.
func IsState(text string) bool {
	for _, prefix := range []string{statePrefix, trialPrefix} {
		if rest, ok := strings.CutPrefix(text, prefix); ok && len(rest) == 43 {
			return true
		}
	}
	return false
}

// maxEndable is how many browsers may start a sign-in that its app can end. Those of more
// browsers end with their time.
const maxEndable = 4

// statesOf returns the states of the sign-ins that an app can end, which has sent end with
// its requests; none if it has sent "". Whoever has seen the request knows them, as
// everyone does who sees the browser at Stack Exchange, and can do nothing with them
// without the browser's cookie.
func statesOf(end string) []state {
	if end == "" {
		return nil
	}
	states := make([]state, maxEndable)
	key := secret.Extract(secret.New(end))
	for i := range states {
		key.Expand(states[i][:], "dss code v1 state ", strconv.Itoa(i))
	}
	return states
}
