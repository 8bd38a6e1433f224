package relay

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"
)

// Sealing (AES-256-GCM under a key that HKDF-SHA256, RFC 5869, derives from
// the relay key and its key space):
//
//	version byte | expiry, Unix milliseconds, 8 bytes | nonce, 12 bytes | ciphertext and tag
//
// The associated data is the purpose, the id, the version and the expiry, so
// that an altered row, or one moved to another id, opens as nothing.
const (
	sealVersion = 1
	sealPurpose = "dss relay entry"
	headerSize  = 1 + 8
	nonceSize   = 12
)

var errUnsealed = errors.New("entry does not open")

// slot is the place of one key in the store, and the means to open it.
type slot struct {
	id     ID
	secret []byte // the key's pseudorandom key, in the words of RFC 5869
	space  KeySpace
}

// newSlot derives the id. The sealing key is derived when it is needed: most
// polls find nothing to open.
func newSlot(space KeySpace, key Key) (slot, error) {
	secret, err := hkdf.Extract(sha256.New, []byte(key.Reveal()), nil)
	if err != nil {
		return slot{}, err
	}
	s := slot{secret: secret, space: space}
	id, err := s.derive("id", IDSize)
	copy(s.id[:], id)
	return s, err
}

// derive returns key material for one purpose. A key space has no NUL byte,
// so the info string is unambiguous.
func (s slot) derive(purpose string, size int) ([]byte, error) {
	return hkdf.Expand(sha256.New, s.secret, "dss relay v1 "+purpose+"\x00"+string(s.space), size)
}

func (s slot) aead() (cipher.AEAD, error) {
	sealKey, err := s.derive("seal", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(sealKey)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (s slot) associated(header []byte) []byte {
	out := make([]byte, 0, len(sealPurpose)+IDSize+headerSize)
	out = append(out, sealPurpose...)
	out = append(out, s.id[:]...)
	return append(out, header...)
}

func (s slot) close(e entry, expires time.Time) ([]byte, error) {
	aead, err := s.aead()
	if err != nil {
		return nil, err
	}
	plain := e.marshal()
	out := make([]byte, headerSize+nonceSize, headerSize+nonceSize+len(plain)+aead.Overhead())
	out[0] = sealVersion
	binary.BigEndian.PutUint64(out[1:], uint64(expires.UnixMilli()))
	nonce := out[headerSize:]
	rand.Read(nonce)
	return aead.Seal(out, nonce, plain, s.associated(out[:headerSize])), nil
}

// open returns the entry and when it expires.
func (s slot) open(sealed []byte) (entry, time.Time, error) {
	if len(sealed) < headerSize+nonceSize || sealed[0] != sealVersion {
		return entry{}, time.Time{}, errUnsealed
	}
	aead, err := s.aead()
	if err != nil {
		return entry{}, time.Time{}, err
	}
	header, nonce := sealed[:headerSize], sealed[headerSize:headerSize+nonceSize]
	plain, err := aead.Open(nil, nonce, sealed[headerSize+nonceSize:], s.associated(header))
	if err != nil {
		return entry{}, time.Time{}, errUnsealed
	}
	e, err := unmarshalEntry(plain)
	return e, time.UnixMilli(int64(binary.BigEndian.Uint64(header[1:]))), err
}
