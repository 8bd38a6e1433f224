package main

import (
	"bytes"
	"testing"
	"unicode/utf16"
)

// TestBareToken takes off what programs and files put around a token, and
// leaves alone what is not that.
func TestBareToken(t *testing.T) {
	for text, want := range map[string]string{
		"T":                             "T",
		"T\r\n":                         "T",
		"\t T \n":                       "T",
		"\ufeffT":                       "T",
		"\ufeff'T'\r\n":                 "T",
		`"T"`:                           "T",
		`" T "`:                         "T",
		"DSS_TOKEN=T":                   "T",
		"DSS_TOKEN='T'":                 "T",
		`export DSS_TOKEN="T"`:          "T",
		"\ufeffexport\tDSS_TOKEN='T'\r": "T",
		"aSecret))":                     "aSecret))",

		"":                 "",
		"''":               "",
		"DSS_TOKEN=":       "",
		"'T":               "'T",
		`'T"`:              `'T"`,
		"'":                "'",
		"T U":              "T U",
		"OTHER=T":          "OTHER=T",
		"export OTHER=T":   "export OTHER=T",
		"T\ufeff":          "T\ufeff",
		`{"access":"T"}`:   `{"access":"T"}`,
		"DSS_TOKEN='T' #x": "'T' #x",
	} {
		if got := bareToken(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestFromUTF16(t *testing.T) {
	for _, big := range []bool{false, true} {
		var text []byte
		for _, unit := range utf16.Encode([]rune("\ufeffDSS_TOKEN='aSecret))'\r\n")) {
			pair := []byte{byte(unit), byte(unit >> 8)}
			if big {
				pair[0], pair[1] = pair[1], pair[0]
			}
			text = append(text, pair...)
		}
		if got, err := readLine(bytes.NewReader(text)); err != nil || bareToken(got) != "aSecret))" {
			t.Errorf("big-endian %v: %q, %v", big, got, err)
		}
	}
}
