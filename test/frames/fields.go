package frames

import "encoding/binary"

// Field is a header field as HPACK has it without compression (RFC 7541
// §6.2.2).
func Field(name, value string) []byte {
	out := append([]byte{0}, integer(len(name))...)
	out = append(out, name...)
	out = append(out, integer(len(value))...)
	return append(out, value...)
}

// integer is a length with a prefix of seven bits (RFC 7541 §5.1).
func integer(n int) []byte {
	if n < 127 {
		return []byte{byte(n)}
	}
	return binary.AppendUvarint([]byte{127}, uint64(n-127))
}

// Request is the header block of a request.
func Request(method, authority, path string, more ...[]byte) []byte {
	block := Field(":method", method)
	for _, field := range append([][]byte{Field(":scheme", "https"), Field(":authority", authority), Field(":path", path)}, more...) {
		block = append(block, field...)
	}
	return block
}

// Status returns the status with which the header block of an answer starts,
// if it is one of the seven that have a place of their own in HPACK's table
// (RFC 7541 appendix A), and 0 for all others.
func Status(block []byte) int {
	if len(block) == 0 {
		return 0
	}
	if n := int(block[0]) - 0x88; n >= 0 && n < len(known) {
		return known[n]
	}
	return 0
}

var known = [...]int{200, 204, 206, 304, 400, 404, 500}
