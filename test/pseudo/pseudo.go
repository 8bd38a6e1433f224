// Package pseudo has two languages for tests, made from the English texts: what
// fits in them fits in a real one, and what stays English is not translated.
package pseudo

import (
	"regexp"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/web/text"
)

// Accented has accents on all letters, and words that are 45 % longer.
var Accented = text.English.Variant("en-XA", "[Èñğļîšħ]", "ltr", accent)

// Mirrored is read from right to left.
var Mirrored = text.English.Variant("ar-XB", "[English]", "rtl", mirror)

var accents = strings.NewReplacer(
	"a", "á", "c", "ç", "d", "đ", "e", "é", "g", "ğ", "h", "ħ", "i", "î", "j", "ĵ", "k", "ķ", "l", "ļ", "n", "ñ", "o", "ö",
	"r", "ŕ", "s", "š", "t", "ţ", "u", "û", "w", "ŵ", "y", "ý", "z", "ž",
	"A", "Å", "C", "Ç", "D", "Đ", "E", "È", "G", "Ğ", "H", "Ħ", "I", "Î", "J", "Ĵ", "K", "Ķ", "L", "Ļ", "N", "Ñ", "O", "Ö",
	"R", "Ŕ", "S", "Š", "T", "Ţ", "U", "Û", "W", "Ŵ", "Y", "Ý", "Z", "Ž",
)

var (
	word  = regexp.MustCompile(`[A-Za-z’]+`)
	vowel = regexp.MustCompile(`[aeiouyAEIOUY]`)
)

// accent makes each word longer at its first vowel, then writes accents.
func accent(literal string) string {
	return accents.Replace(word.ReplaceAllStringFunc(literal, func(w string) string {
		more := (len(w)*45 + 50) / 100
		at := vowel.FindStringIndex(w)
		if at == nil {
			return w
		}
		return w[:at[1]] + strings.Repeat(strings.ToLower(w[at[0]:at[1]]), more) + w[at[1]:]
	}))
}

// mirror overrides the direction of the letters, between marks of their own.
func mirror(literal string) string {
	text := strings.TrimSpace(literal)
	if text == "" {
		return literal
	}
	before, after, _ := strings.Cut(literal, text)
	return before + "\u200f\u202e" + text + "\u202c\u200f" + after
}
