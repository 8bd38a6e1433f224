package secret

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
)

// PRK is the pseudorandom key of a secret, from which other keys are derived by
// HKDF-SHA256 (RFC 5869).
//
// HMAC is written out here, over buffers on the stack. Package hkdf makes 19
// allocations to find the place of a key, this none, in a third of the time
// (BenchmarkHKDF); the bytes are the same.
type PRK [sha256.Size]byte

const (
	// hmacRoom is how long a message can be without an allocation: a key of the
	// relay and the info of a slot with the longest app id have less.
	hmacRoom = 192
	// maxDerived is the most that HKDF-SHA256 derives for one use, in bytes.
	maxDerived = 255 * sha256.Size
)

// Extract returns the pseudorandom key of a secret, without a salt (section 2.2).
func Extract(of Text) PRK {
	var salt PRK
	var room [sha256.BlockSize + hmacRoom]byte
	return salt.sum(append(salt.pad(room[:0], innerPad), of.Reveal()...))
}

// Expand fills out, of at most 8160 bytes, with key material for one use, which
// the parts of info name together (section 2.3).
func (k *PRK) Expand(out []byte, info ...string) {
	if len(out) > maxDerived {
		panic(fmt.Sprintf("secret: HKDF of %d bytes", len(out)))
	}
	var block PRK
	before := block[:0]
	for counter := byte(1); len(out) > 0; counter++ {
		var room [sha256.BlockSize + hmacRoom]byte
		message := append(k.pad(room[:0], innerPad), before...)
		for _, part := range info {
			message = append(message, part...)
		}
		block = k.sum(append(message, counter))
		before = block[:]
		out = out[copy(out, before):]
	}
}

// sum returns the HMAC-SHA256 (RFC 2104) of a message that follows the key's inner
// pad in padded.
func (k *PRK) sum(padded []byte) PRK {
	inner := sha256.Sum256(padded)
	var room [sha256.BlockSize + sha256.Size]byte
	return sha256.Sum256(append(k.pad(room[:0], outerPad), inner[:]...))
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
