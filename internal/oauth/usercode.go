package oauth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// userCodeAlphabet has no vowels, so that no words appear, and nothing that
// looks like something else (RFC 8628 section 6.1).
const userCodeAlphabet = "BCDFGHJKLMNPQRSTVWXZ"

const userCodeLength = 8

// maxTyped bounds what people type for a user code, in bytes.
const maxTyped = 256

// UserCode is the code that a device shows and its user types: eight letters.
type UserCode string

// String writes the code as XXXX-XXXX.
func (c UserCode) String() string {
	return string(c[:userCodeLength/2] + "-" + c[userCodeLength/2:])
}

// newUserCode turns random bytes into a user code; bytes beyond the last
// multiple of the alphabet's length are left out, which keeps it fair.
func newUserCode(random []byte) (UserCode, bool) {
	const fair = 256 / len(userCodeAlphabet) * len(userCodeAlphabet)
	code := make([]byte, 0, userCodeLength)
	for _, b := range random {
		if int(b) < fair && len(code) < userCodeLength {
			code = append(code, userCodeAlphabet[int(b)%len(userCodeAlphabet)])
		}
	}
	return UserCode(code), len(code) == userCodeLength
}

// NoUserCodeError says why a text cannot be a user code.
type NoUserCodeError struct {
	Strange string // letters and digits that no code has, each once; "" if there are none
	Letters int    // how many letters there are; where Strange is "", not 8
}

func (e *NoUserCodeError) Error() string {
	if e.Strange != "" {
		return "user codes have no " + e.Strange
	}
	return fmt.Sprintf("that is %d letters; user codes have %d", e.Letters, userCodeLength)
}

var errTypedTooLong = errors.New("that is too long for a user code")

// ParseUserCode reads a code as people type it and programs paste it: in
// capitals or not, in full width, on a Cyrillic or Greek keyboard; with spaces,
// dashes, dots, quotes and other marks, controls and format characters, which
// all say nothing. The error is a [*NoUserCodeError], except for a text that is
// too long.
func ParseUserCode(text string) (UserCode, error) {
	if len(text) > maxTyped {
		return "", errTypedTooLong
	}
	var code, strange []rune
	for _, r := range norm.NFKC.String(text) {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) || unicode.In(r, saysNothing...) {
			continue
		}
		r = unicode.ToUpper(r)
		letter := r
		if latin, ok := lookAlikes[r]; ok {
			letter = latin
		}
		code = append(code, letter)
		if !strings.ContainsRune(userCodeAlphabet, letter) && !slices.Contains(strange, r) {
			strange = append(strange, r)
		}
	}
	if len(strange) > 0 || len(code) != userCodeLength {
		return "", &NoUserCodeError{Strange: list(strange), Letters: len(code)}
	}
	return UserCode(code), nil
}

// saysNothing are letters to Unicode, but not to people: marks such as ʼ and ー,
// and fillers, which cannot be seen.
var saysNothing = []*unicode.RangeTable{unicode.Lm, unicode.Other_Default_Ignorable_Code_Point}

// list writes the first few of some letters.
func list(letters []rune) string {
	const few = 5
	var texts []string
	for _, letter := range letters[:min(len(letters), few)] {
		texts = append(texts, string(letter))
	}
	return strings.Join(texts, ", ")
}

// lookAlikes are the capital letters of other scripts that look like a letter
// of a code.
var lookAlikes = map[rune]rune{
	// Cyrillic
	'В': 'B', 'С': 'C', 'Ԍ': 'G', 'Н': 'H', 'Ј': 'J', 'К': 'K', 'М': 'M', 'Р': 'P', 'Ԛ': 'Q', 'Ѕ': 'S', 'Т': 'T', 'Ѵ': 'V',
	'Ԝ': 'W', 'Х': 'X',
	// Greek
	'Β': 'B', 'Ϝ': 'F', 'Η': 'H', 'Ϳ': 'J', 'Κ': 'K', 'Μ': 'M', 'Ν': 'N', 'Ρ': 'P', 'Τ': 'T', 'Χ': 'X', 'Ζ': 'Z',
}
