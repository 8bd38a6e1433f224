package relay

import (
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// Verifier is the secret behind a verifier-bound key.
type Verifier struct{ secret.Text }

// NewVerifier wraps text. Whether it fits a key shows when it is used.
func NewVerifier(text string) Verifier { return Verifier{secret.New(text)} }

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
	case !secret.IsVerifier(v.Reveal()):
		return ErrInvalidVerifier
	}
	if !k.Equal(secret.New(BoundPrefix + secret.S256(v.Text))) {
		return ErrInvalidVerifier
	}
	return nil
}
