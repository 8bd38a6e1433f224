// Package display makes text that others chose fit to be shown to people: in a
// terminal, in a page, in a message that an app shows.
//
// Such text may come from an attacker's link. Controls would steer a
// terminal, and a mark of direction could reverse the text around it.
package display

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean returns text in which every character can be seen, or is a space. Other
// white space becomes one space, with the spaces around it. Controls, format
// characters (among them all bidirectional controls), other invisible characters
// and invalid UTF-8 are dropped.
func Clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case ' ' <= r && r <= '~':
			return r
		case unicode.IsSpace(r):
			return '\n'
		case !unicode.IsPrint(r), r == utf8.RuneError,
			unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
			return -1
		}
		return r
	}, text)
	return folded.ReplaceAllLiteralString(text, " ")
}

var folded = regexp.MustCompile(` *\n[\n ]*`)

// Cut returns the beginning of text: at most max bytes, in whole characters.
func Cut(text string, max int) string {
	if len(text) <= max {
		return text
	}
	for max > 0 && !utf8.RuneStart(text[max]) {
		max--
	}
	return text[:max]
}

// Verbatim reports whether text can stand between quotation marks as it is, in
// JSON and in Go: it is ASCII that can be seen, with spaces, but without quotation
// marks and backslashes.
func Verbatim(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
