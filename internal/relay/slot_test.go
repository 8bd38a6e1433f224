package relay

import (
	"bytes"
	"testing"
	"time"
)

func testSlot(t testing.TB, space KeySpace, key string) Slot {
	t.Helper()
	at, err := keySlot(space, Key{NewSecret(key)})
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func sealed(t testing.TB, at Slot) []byte {
	t.Helper()
	response, err := NewToken("canary-token")
	if err != nil {
		t.Fatal(err)
	}
	value, err := (entry{response: response, browser: [16]byte{1}}).seal(at, time.UnixMilli(1e12))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestSealOpens(t *testing.T) {
	at := testSlot(t, "0", "key")
	value := sealed(t, at)
	if bytes.Contains(value, []byte("canary")) {
		t.Error("the sealed value shows the token")
	}
	e, expires, err := openEntry(at, value)
	if err != nil || e.response.Value.Reveal() != "canary-token" || e.browser != [16]byte{1} || expires.UnixMilli() != 1e12 {
		t.Errorf("open = %+v, %v, %v", e, expires, err)
	}
	if bytes.Equal(value, sealed(t, at)) {
		t.Error("sealing twice gives the same bytes")
	}
}

// TestAlteredValuesDoNotOpen flips each bit, cuts at each byte, and opens
// under other keys, key spaces and ids.
func TestAlteredValuesDoNotOpen(t *testing.T) {
	at := testSlot(t, "0", "key")
	value := sealed(t, at)
	for i := range len(value) * 8 {
		altered := bytes.Clone(value)
		altered[i/8] ^= 1 << (i % 8)
		if _, _, err := openEntry(at, altered); err == nil {
			t.Errorf("opens with bit %d flipped", i)
		}
	}
	for i := range value {
		if _, _, err := openEntry(at, value[:i]); err == nil {
			t.Errorf("opens when cut to %d bytes", i)
		}
	}
	if _, _, err := openEntry(at, append(bytes.Clone(value), 0)); err == nil {
		t.Error("opens with a byte appended")
	}
	elsewhere := at
	elsewhere.ID[0]++
	for name, other := range map[string]Slot{
		"another key": testSlot(t, "0", "kez"), "another key space": testSlot(t, "1", "key"), "another id": elsewhere,
	} {
		if _, _, err := openEntry(other, value); err == nil {
			t.Errorf("opens under %s", name)
		}
	}
}

func FuzzOpen(f *testing.F) {
	at := testSlot(f, "0", "key")
	f.Add(sealed(f, at))
	f.Add([]byte{})
	f.Add([]byte{sealVersion})
	f.Fuzz(func(t *testing.T, value []byte) {
		e, _, err := openEntry(at, value)
		if err == nil && e.response.Value.Reveal() != "canary-token" {
			t.Errorf("a forged value opens: %x", value)
		}
	})
}

func FuzzEntry(f *testing.F) {
	f.Add(entry{response: NewRefusal("access_denied", "no")}.marshal())
	f.Add(entry{response: Response{Kind: KindConflict}, claimed: time.UnixMilli(5)}.marshal())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := unmarshalEntry(data)
		if err == nil && !bytes.Equal(e.marshal(), data) {
			t.Errorf("%x decodes, and encodes to %x", data, e.marshal())
		}
	})
}

// TestSealIsBounded: what is sealed has a longest length, and becomes longer by
// a known one.
func TestSealIsBounded(t *testing.T) {
	at := testSlot(t, "0", "key")
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
