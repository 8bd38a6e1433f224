package secret

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"sync"
)

// PRK is the pseudorandom key of a secret, from which other keys are derived by
// HKDF-SHA256 (RFC 5869).
//
// HMAC is written out here, over hashes that are used again. Package hkdf makes 19
// allocations to find the place of a key, this none, in a third of the time
// (BenchmarkHKDF); the bytes are the same. Its buffers are not on the stack because a
// goroutine that waits keeps the stack that this once took: with them, a claim over
// HTTP/1.1 would need one of 8 KiB instead of 4.
type PRK [sha256.Size]byte

const (
	// hmacRoom is how long a message can be without an allocation. That is enough
	// for the key of a usual app and for the info of any slot.
	hmacRoom = 128
	// maxDerived is the most that HKDF-SHA256 derives for one use, in bytes.
	maxDerived = 255 * sha256.Size
)

// mac computes HMAC-SHA256 (RFC 2104).
type mac struct {
	hash.Hash
	room [sha256.BlockSize + hmacRoom]byte // for a block of the key and a message
	sum  PRK                               // the result
}

var macs = sync.Pool{New: func() any { return &mac{Hash: sha256.New()} }}

// Extract returns the pseudorandom key of a secret, without a salt (section 2.2).
func Extract(of Text) (k PRK) {
	m := macs.Get().(*mac)
	m.finish(&noSalt, append(noSalt.pad(m.room[:0], innerPad), of.Reveal()...))
	k = m.sum
	m.release()
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
	m := macs.Get().(*mac)
	before := m.sum[:0]
	for counter := byte(1); len(out) > 0; counter++ {
		m.finish(k, m.message(k, before, info, counter))
		before = m.sum[:]
		out = out[copy(out, before):]
	}
	m.release()
}

// message returns what finish takes for a step of Expand. It is not a part of that,
// whose stack is under that of finish.
func (m *mac) message(k *PRK, before []byte, info []string, counter byte) []byte {
	message := append(k.pad(m.room[:0], innerPad), before...)
	for _, part := range info {
		message = append(message, part...)
	}
	return append(message, counter)
}

// finish sets the sum to the HMAC under key of a message that follows the key's inner
// pad in padded, which it overwrites.
func (m *mac) finish(key *PRK, padded []byte) {
	m.Reset()
	m.Write(padded)
	m.Sum(m.sum[:0])
	clear(padded) // it may hold a secret, and be longer than the room
	m.Reset()
	m.Write(append(key.pad(padded[:0], outerPad), m.sum[:]...))
	m.Sum(m.sum[:0])
}

// release keeps m for others.
func (m *mac) release() {
	clear(m.room[:])
	clear(m.sum[:])
	macs.Put(m)
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
