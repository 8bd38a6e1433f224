package secret

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
)

// PRK is the pseudorandom key of a secret, from which other keys are derived by
// HKDF-SHA256 (RFC 5869).
//
// HMAC is written out here, over buffers on the stack. Package hkdf makes 19
// allocations to find the place of a key, this none, in a third of the time
// (BenchmarkHKDF); the bytes are the same.
type PRK [sha256.Size]byte

const (
	// hmacRoom is how long a message can be without an allocation. That is enough
	// for the key of a usual app and for the info of any slot, and not more because
	// a goroutine that waits keeps the stack that this once took.
	hmacRoom = 96
	// maxDerived is the most that HKDF-SHA256 derives for one use, in bytes.
	maxDerived = 255 * sha256.Size
)

// Extract returns the pseudorandom key of a secret, without a salt (section 2.2).
func Extract(of Text) (k PRK) {
	var room [sha256.BlockSize + hmacRoom]byte
	k.sum(&noSalt, append(noSalt.pad(room[:0], innerPad), of.Reveal()...))
	return k
}

// noSalt stands for an empty salt.
var noSalt PRK

// Expand fills out, of at most 8160 bytes, with key material for one use, which
// the parts of info name together (section 2.3).
func (k *PRK) Expand(out []byte, info ...string) {
	if len(out) > maxDerived {
		panic("secret: more than HKDF can derive")
	}
	var block PRK
	before := block[:0]
	var room [sha256.BlockSize + hmacRoom]byte
	for counter := byte(1); len(out) > 0; counter++ {
		message := append(k.pad(room[:0], innerPad), before...)
		for _, part := range info {
			message = append(message, part...)
		}
		block.sum(k, append(message, counter))
		before = block[:]
		out = out[copy(out, before):]
	}
}

// sum sets s to the HMAC-SHA256 (RFC 2104) under key of a message that follows the
// key's inner pad in padded, which it overwrites.
func (s *PRK) sum(key *PRK, padded []byte) {
	*s = sha256.Sum256(padded)
	*s = sha256.Sum256(append(key.pad(padded[:0], outerPad), s[:]...))
}

// pad appends a block of the key, changed by with.
func (k *PRK) pad(out []byte, with *[sha256.BlockSize]byte) []byte {
	out = append(out, with[:]...)
	subtle.XORBytes(out, out, k[:])
	return out
}

// innerPad and outerPad are HMAC's ipad and opad.
var innerPad, outerPad = repeated(0x36), repeated(0x5c)

func repeated(b byte) *[sha256.BlockSize]byte {
	return (*[sha256.BlockSize]byte)(bytes.Repeat([]byte{b}, sha256.BlockSize))
}
