package relay

import (
	"crypto/sha256"
	"encoding/base64"
)

// Verifier is the secret behind a verifier-bound key.
type Verifier struct{ Secret }

// NewVerifier wraps text. Whether it fits a key shows when it is used.
func NewVerifier(text string) Verifier { return Verifier{NewSecret(text)} }

// checkVerifier decides whether whoever holds v may claim under k. v is zero
// where no verifier was passed. It looks at nothing but k and v, so a wrong
// verifier changes nothing.
func checkVerifier(k Key, v Verifier) error {
	switch {
	case !k.Bound() && v.IsZero():
		return nil
	case !k.Bound():
		return ErrUnbound
	case v.IsZero():
		return ErrVerifierRequired
	case !verifierShape(v.Reveal()):
		return ErrInvalidVerifier
	}
	sum := sha256.Sum256([]byte(v.Reveal()))
	want := NewSecret(BoundPrefix + base64.RawURLEncoding.EncodeToString(sum[:]))
	if !k.Equal(want) {
		return ErrInvalidVerifier
	}
	return nil
}

// verifierShape is RFC 7636 §4.1: 43 to 128 unreserved characters.
func verifierShape(text string) bool {
	if len(text) < 43 || len(text) > 128 {
		return false
	}
	for _, c := range []byte(text) {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}
