package sealed

import (
	"encoding/binary"
	"errors"
	"time"
)

// The plain form of an entry is its fields one after the other, each text after
// its length in two bytes. Any bytes are a text.

// MaxText is the longest text, in bytes.
const MaxText = 1<<16 - 1

// ErrMalformed is what [Reader.End] returns for bytes that are not a whole
// record.
var ErrMalformed = errors.New("malformed record")

// AppendText appends a text of at most [MaxText] bytes.
func AppendText(out []byte, text string) []byte {
	if len(text) > MaxText {
		panic("sealed: text is too long") // callers bound what they store
	}
	return append(binary.BigEndian.AppendUint16(out, uint16(len(text))), text...)
}

// AppendTime appends a time after 1970, in milliseconds. The zero time stays
// zero.
func AppendTime(out []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.BigEndian.AppendUint64(out, 0)
	}
	return binary.BigEndian.AppendUint64(out, uint64(t.UnixMilli()))
}

// AppendBool appends a byte.
func AppendBool(out []byte, b bool) []byte {
	if b {
		return append(out, 1)
	}
	return append(out, 0)
}

// Reader reads a record from its start. After a mistake all it returns is
// zero, and [Reader.End] says so.
type Reader struct {
	rest   []byte
	failed bool
}

// NewReader returns a reader of record, which must not change meanwhile.
func NewReader(record []byte) *Reader { return &Reader{rest: record} }

// Bytes returns the next n bytes, which are the record's own.
func (r *Reader) Bytes(n int) []byte {
	if r.failed || len(r.rest) < n {
		r.failed = true
		return make([]byte, n)
	}
	var out []byte
	out, r.rest = r.rest[:n:n], r.rest[n:]
	return out
}

// Byte returns the next byte, which must be at most highest.
func (r *Reader) Byte(highest byte) byte {
	b := r.Bytes(1)[0]
	if b > highest {
		r.failed = true
		return 0
	}
	return b
}

// Bool returns the next truth value.
func (r *Reader) Bool() bool { return r.Byte(1) == 1 }

// Time returns the next time.
func (r *Reader) Time() time.Time {
	ms := int64(binary.BigEndian.Uint64(r.Bytes(8)))
	if ms < 0 {
		r.failed = true
	}
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// Text returns the next text.
func (r *Reader) Text() string {
	return string(r.Bytes(int(binary.BigEndian.Uint16(r.Bytes(2)))))
}

// End returns [ErrMalformed] unless the record was read without a mistake and
// to its end.
func (r *Reader) End() error {
	if r.failed || len(r.rest) > 0 {
		return ErrMalformed
	}
	return nil
}
