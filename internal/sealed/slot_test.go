package sealed

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

const content = "canary-token"

func testSlot(t testing.TB, purpose, text string) *Slot {
	t.Helper()
	return NewSlot(purpose, secret.New(text))
}

func sealedContent(t testing.TB, at *Slot) []byte {
	t.Helper()
	value, err := at.Seal([]byte(content), time.UnixMilli(1e12))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// TestSlotIsDerived: entries that an earlier version has stored are found.
func TestSlotIsDerived(t *testing.T) {
	at := testSlot(t, "relay 0", "key")
	want, err := hkdf.Key(sha256.New, []byte("key"), nil, "dss v1 id\x00relay 0", IDSize)
	if err != nil || !bytes.Equal(at.ID[:], want) {
		t.Errorf("id = %x, want %x, %v", at.ID, want, err)
	}
	sealKey, err := hkdf.Key(sha256.New, []byte("key"), nil, "dss v1 seal\x00relay 0", 32)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := chacha20poly1305.New(sealKey)
	if err != nil {
		t.Fatal(err)
	}
	stored := sealedContent(t, at)
	associated := append(append([]byte("relay 0"), at.ID[:]...), stored[:9]...)
	plain, err := aead.Open(nil, stored[9:21], stored[21:], associated)
	if err != nil || string(plain) != content {
		t.Errorf("what is sealed opens to %q, %v", plain, err)
	}
}

func TestSealOpens(t *testing.T) {
	at := testSlot(t, "purpose", "key")
	value := sealedContent(t, at)
	if bytes.Contains(value, []byte("canary")) {
		t.Error("the sealed value shows the token")
	}
	plain, expires, err := at.Open(value)
	if err != nil || string(plain) != content || expires.UnixMilli() != 1e12 {
		t.Errorf("open = %q, %v, %v", plain, expires, err)
	}
	if bytes.Equal(value, sealedContent(t, at)) {
		t.Error("sealing twice gives the same bytes")
	}
}

// TestAlteredValuesDoNotOpen flips each bit, cuts at each byte, and opens
// under other keys, key spaces and ids.
func TestAlteredValuesDoNotOpen(t *testing.T) {
	at := testSlot(t, "purpose", "key")
	value := sealedContent(t, at)
	for i := range len(value) * 8 {
		altered := bytes.Clone(value)
		altered[i/8] ^= 1 << (i % 8)
		if _, _, err := at.Open(altered); err == nil {
			t.Errorf("opens with bit %d flipped", i)
		}
	}
	for i := range value {
		if _, _, err := at.Open(value[:i]); err == nil {
			t.Errorf("opens when cut to %d bytes", i)
		}
	}
	if _, _, err := at.Open(append(bytes.Clone(value), 0)); err == nil {
		t.Error("opens with a byte appended")
	}
	elsewhere := *at
	elsewhere.ID[0]++
	for name, other := range map[string]*Slot{
		"another secret": testSlot(t, "purpose", "kez"), "another purpose": testSlot(t, "other", "key"), "another id": &elsewhere,
	} {
		if _, _, err := other.Open(value); err == nil {
			t.Errorf("opens under %s", name)
		}
	}
}

func FuzzOpen(f *testing.F) {
	at := testSlot(f, "purpose", "key")
	f.Add(sealedContent(f, at))
	f.Add([]byte{})
	f.Add([]byte{sealVersion})
	f.Fuzz(func(t *testing.T, value []byte) {
		plain, _, err := at.Open(value)
		if err == nil && string(plain) != content {
			t.Errorf("a forged value opens: %x", value)
		}
	})
}

// TestSealIsBounded: what is sealed has a longest length, and becomes longer by
// a known one.
func TestSealIsBounded(t *testing.T) {
	at := testSlot(t, "purpose", "key")
	for _, size := range []int{0, 1, MaxSealed} {
		sealed, err := at.Seal(make([]byte, size), time.Now())
		if err != nil || len(sealed) != size+SealOverhead {
			t.Errorf("%d bytes became %d, %v", size, len(sealed), err)
		}
	}
	if _, err := at.Seal(make([]byte, MaxSealed+1), time.Now()); err == nil {
		t.Error("a byte too many is sealed")
	}
}
