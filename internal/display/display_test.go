package display

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"plain", "The user said no.", "The user said no."},
		{"other scripts", "нет – いいえ ∅ é e\u0301", "нет – いいえ ∅ é e\u0301"},
		{"right to left", "המשתמש סירב", "המשתמש סירב"},
		{"overrides", "a\u202Eb\u202Dc\u202Ad\u202Be\u202Cf", "abcdef"},
		{"isolates", "a\u2066b\u2067c\u2068d\u2069e", "abcde"},
		{"marks of direction", "a\u200Eb\u200Fc\u061Cd", "abcd"},
		{"joiners, breaks and soft hyphens", "a\u200Bb\u200Cc\u200Dd\u2060e\uFEFFf\u00ADg", "abcdefg"},
		{"tags", "a\U000E0041\U000E007Fb", "ab"},
		{"interlinear annotations", "a\uFFF9b\uFFFAc\uFFFBd", "abcd"},
		{"invisible letters and selectors", "a\u115Fb\u3164c\uFFA0d\u034Fe\uFE0Ff\U000E0100g", "abcdefg"},
		{"controls", "a\x00b\x1b[31mc\x7fd\u0085e\u009be", "ab[31mcd ee"},
		{"white space", "a\nb\r\n c\td\u00A0e\u2028f\u2029g\u3000h  i \n\t", "a b c d e f g h  i "},
		{"no UTF-8", "a\xffb\xc3c\xed\xa0\x80d", "abcd"},
		{"no character", "a\uFFFDb\uFFFFc\U0010FFFFd\uE000e", "abcde"},
		{"nothing left", "\u202E\u202C", ""},
	} {
		if got := Clean(c.text); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		text string
		max  int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"abé", 3, "ab"}, {"aбв", 4, "aб"}, {"\U0001F600", 3, ""}, {"abc", 0, ""}} {
		if got := Cut(c.text, c.max); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.text, c.max, got, c.want)
		}
	}
}

// TestVerbatim tries every byte, and some characters.
func TestVerbatim(t *testing.T) {
	for i := range 256 {
		text := "a" + string([]byte{byte(i)}) + "b"
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		want := string(quoted) == `"`+text+`"` && strconv.Quote(text) == `"`+text+`"`
		if strings.Contains("<>&", text[1:2]) { // which json.Marshal escapes for HTML
			want = true
		}
		if got := Verbatim(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
	for text, want := range map[string]bool{"": true, "a = b": true, "é": false, "a\u2028": false, "\U0001F600": false} {
		if got := Verbatim(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\u202Eb\n\xff", 3)
	f.Fuzz(func(t *testing.T, text string, max int) {
		clean := Clean(text)
		if !utf8.ValidString(clean) || Clean(clean) != clean {
			t.Errorf("%q gives %q", text, clean)
		}
		if strings.ContainsFunc(clean, func(r rune) bool { return unicode.In(r, unicode.C, unicode.Bidi_Control, unicode.Zl, unicode.Zp) }) {
			t.Errorf("%q gives %q", text, clean)
		}
		if cut := Cut(clean, max&0xff); len(cut) > max&0xff || !strings.HasPrefix(clean, cut) || !utf8.ValidString(cut) {
			t.Errorf("%q cut to %d is %q", clean, max&0xff, cut)
		}
	})
}
