package relay

import (
	"encoding/binary"
	"errors"
	"time"
)

// entry is what is sealed: a response, who deposited it, and whether the
// holder of the verifier has had it already.
type entry struct {
	response Response
	browser  [16]byte // truncated hash of the browser's session; zero is nobody's
	claimed  time.Time
}

var errMalformed = errors.New("malformed entry")

func (e entry) marshal() []byte {
	out := make([]byte, 0, 64+len(e.response.Value.Reveal())+len(e.response.Error)+len(e.response.Description))
	out = append(out, byte(e.response.Kind))
	out = append(out, e.browser[:]...)
	out = binary.BigEndian.AppendUint64(out, unixMilli(e.claimed))
	for _, text := range []string{e.response.Value.Reveal(), e.response.Error, e.response.Description} {
		out = binary.BigEndian.AppendUint16(out, uint16(len(text)))
		out = append(out, text...)
	}
	return out
}

func unmarshalEntry(in []byte) (entry, error) {
	const fixed = 1 + 16 + 8
	if len(in) < fixed {
		return entry{}, errMalformed
	}
	var e entry
	e.response.Kind = Kind(in[0])
	copy(e.browser[:], in[1:17])
	e.claimed = fromUnixMilli(binary.BigEndian.Uint64(in[17:25]))
	in = in[fixed:]
	var texts [3]string
	for i := range texts {
		if len(in) < 2 || len(in)-2 < int(binary.BigEndian.Uint16(in)) {
			return entry{}, errMalformed
		}
		n := 2 + int(binary.BigEndian.Uint16(in))
		texts[i], in = string(in[2:n]), in[n:]
	}
	if len(in) != 0 || e.response.Kind < KindToken || e.response.Kind > KindConflict {
		return entry{}, errMalformed
	}
	e.response.Value = NewSecret(texts[0])
	e.response.Error, e.response.Description = texts[1], texts[2]
	return e, nil
}

func unixMilli(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMilli())
}

func fromUnixMilli(ms uint64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms))
}

// keySlot returns the slot of a key in its key space.
func keySlot(space KeySpace, key Key) (Slot, error) {
	return NewSlot("relay "+string(space), key.Secret)
}

func (e entry) seal(at Slot, expires time.Time) ([]byte, error) { return at.Seal(e.marshal(), expires) }

func openEntry(at Slot, sealed []byte) (entry, time.Time, error) {
	plain, expires, err := at.Open(sealed)
	if err != nil {
		return entry{}, time.Time{}, err
	}
	e, err := unmarshalEntry(plain)
	return e, expires, err
}
