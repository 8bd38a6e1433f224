package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

// Sealing is AES-256-GCM:
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

// NewSlot returns the slot of a secret for one purpose. A secret has a slot for
// each purpose.
func NewSlot(purpose string, of secret.Text) *Slot {
	s := &Slot{purpose: purpose, key: secret.Extract(of)}
	s.derive(s.ID[:], "id")
	return s
}

// derive fills out with key material for one use. The name of a use has no NUL
// byte, so the info string is unambiguous.
func (s *Slot) derive(out []byte, use string) {
	s.key.Expand(out, "dss v1 ", use, "\x00", s.purpose)
}

// aead derives the sealing key only when it is needed: most polls find nothing
// to open.
func (s *Slot) aead() (cipher.AEAD, error) {
	var sealKey [32]byte
	s.derive(sealKey[:], "seal")
	block, err := aes.NewCipher(sealKey[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (s *Slot) associated(header []byte) []byte {
	out := make([]byte, 0, len(s.purpose)+IDSize+headerSize)
	out = append(out, s.purpose...)
	out = append(out, s.ID[:]...)
	return append(out, header...)
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
	out := make([]byte, headerSize+nonceSize, SealOverhead+len(plain))
	out[0] = sealVersion
	binary.BigEndian.PutUint64(out[1:], uint64(expires.UnixMilli()))
	nonce := out[headerSize:]
	rand.Read(nonce)
	return aead.Seal(out, nonce, plain, s.associated(out[:headerSize])), nil
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
	header, nonce := sealed[:headerSize], sealed[headerSize:headerSize+nonceSize]
	plain, err = aead.Open(nil, nonce, sealed[headerSize+nonceSize:], s.associated(header))
	if err != nil {
		return nil, time.Time{}, errUnsealed
	}
	return plain, time.UnixMilli(int64(binary.BigEndian.Uint64(header[1:]))), nil
}
