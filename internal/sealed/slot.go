package sealed

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

// Sealing is ChaCha20-Poly1305 (RFC 8439), which needs no tables for a key: each seals
// one entry. AES-GCM takes 1.3 KB and 0.6 µs more.
//
//	version byte | expiry, Unix milliseconds, 8 bytes | nonce, 12 bytes | ciphertext and tag
//
// The associated data is the purpose, the id, the version and the expiry, so
// that an altered row, or one moved to another id, does not open.
const (
	sealVersion = 1
	headerSize  = 1 + 8
	nonceSize   = 12
	tagSize     = 16
)

const (
	// MaxSealed is the most that [Slot.Seal] seals, in bytes, and so the one
	// bound of what an entry holds. The largest sign-in has 4096 of state, 2000
	// of redirect URI, 1000 of scope, 4096 of code and less than 400 of the
	// rest, which is 11.6 KB. A certificate with its key and chain has 5 to 10,
	// and with post-quantum signatures would have 25.
	MaxSealed = 32 << 10
	// SealOverhead is how much longer it becomes.
	SealOverhead = headerSize + nonceSize + tagSize
)

var errTooLarge = fmt.Errorf("an entry of more than %d bytes", MaxSealed)

var errUnsealed = errors.New("entry does not open")

// Slot is the place in a [Store] that belongs to a secret, and seals what is
// there. Id and sealing key are derived from the secret by HKDF-SHA256 (RFC 5869),
// and the secret itself is stored nowhere.
type Slot struct {
	// ID is where the entry is stored.
	ID ID

	purpose string
	key     secret.PRK
}

// What is derived from a secret: the info of HKDF is one of these and the purpose.
// None is the beginning of another, so that is unambiguous.
const (
	infoID   = "dss v1 id\x00"
	infoSeal = "dss v1 seal\x00"
)

// NewSlot returns the slot of a secret for one purpose. A secret has a slot for
// each purpose.
func NewSlot(purpose string, of secret.Text) *Slot { return newSlot(purpose, secret.Extract(of)) }

func newSlot(purpose string, key secret.PRK) *Slot {
	s := &Slot{purpose: purpose, key: key}
	s.key.Expand(s.ID[:], infoID, purpose)
	return s
}

// aead derives the sealing key only when it is needed: most polls find nothing
// to open.
func (s *Slot) aead() (cipher.AEAD, error) {
	var sealKey [32]byte
	s.key.Expand(sealKey[:], infoSeal, s.purpose)
	return chacha20poly1305.New(sealKey[:])
}

// buffer returns room for n bytes, and behind it the associated data: one allocation
// for both.
func (s *Slot) buffer(n int, header []byte) (room, associated []byte) {
	all := make([]byte, n, n+len(s.purpose)+IDSize+headerSize)
	all = append(all, s.purpose...)
	all = append(all, s.ID[:]...)
	all = append(all, header...)
	return all[:0:n], all[n:]
}

// Seal returns plain, of at most [MaxSealed] bytes, in a form that only the
// holder of the secret can open, or alter unnoticed.
func (s *Slot) Seal(plain []byte, expires time.Time) ([]byte, error) {
	if len(plain) > MaxSealed {
		return nil, errTooLarge
	}
	aead, err := s.aead()
	if err != nil {
		return nil, err
	}
	header := [headerSize]byte{sealVersion}
	binary.BigEndian.PutUint64(header[1:], uint64(expires.UnixMilli()))
	out, associated := s.buffer(SealOverhead+len(plain), header[:])
	out = append(out, header[:]...)
	nonce := out[headerSize : headerSize+nonceSize]
	rand.Read(nonce)
	return aead.Seal(out[:headerSize+nonceSize], nonce, plain, associated), nil
}

// Open returns what was sealed and when it expires, which may have passed. It
// fails for anything but the unaltered result of [Slot.Seal] on the same slot.
func (s *Slot) Open(sealed []byte) (plain []byte, expires time.Time, err error) {
	if len(sealed) < headerSize+nonceSize || sealed[0] != sealVersion {
		return nil, time.Time{}, errUnsealed
	}
	aead, err := s.aead()
	if err != nil {
		return nil, time.Time{}, err
	}
	return s.open(aead, sealed)
}

// open is not a part of Open, whose stack is under that of the key's derivation. See
// [Records.read].
func (s *Slot) open(aead cipher.AEAD, sealed []byte) (plain []byte, expires time.Time, err error) {
	header, nonce, text := sealed[:headerSize], sealed[headerSize:headerSize+nonceSize], sealed[headerSize+nonceSize:]
	out, associated := s.buffer(len(text), header)
	plain, err = aead.Open(out, nonce, text, associated)
	if err != nil {
		return nil, time.Time{}, errUnsealed
	}
	return plain, time.UnixMilli(int64(binary.BigEndian.Uint64(header[1:]))), nil
}
