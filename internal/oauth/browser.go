package oauth

import (
	"crypto/sha256"
	"encoding/base32"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

// Browser is the browser that a request comes from. It returns the secret that
// this browser alone has in the sign-in that flow names, and the zero Secret if
// it has none. Sign-ins have secrets of their own, so that several can begin at
// once in a browser that is new here.
//
// The browser that starts a sign-in must be the one that comes back from Stack
// Exchange: who makes others approve by sending them an address gets nothing.
type Browser func(flow string) secret.Text

// flowOf returns the flow of the sign-in with a state: 16 characters of
// A-Z 2-7, from which nobody can tell the state.
func flowOf(state string) string {
	sum := sha256.Sum256([]byte("dss flow v1\x00" + state))
	return base32.StdEncoding.EncodeToString(sum[:10])
}

// browserHash is the first half of the SHA-256 of a browser's secret. Zero is
// nobody's.
type browserHash [sha256.Size / 2]byte

func hashBrowser(browser secret.Text) browserHash {
	sum := sha256.Sum256([]byte(browser.Reveal()))
	return browserHash(sum[:])
}

func (s session) startedBy(browser secret.Text) bool {
	hash := hashBrowser(browser)
	return s.Browser != browserHash{} && !browser.IsZero() && secret.Equal(s.Browser[:], hash[:])
}
