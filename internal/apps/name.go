package apps

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/desktop-stack-serv/dss/internal/display"
)

const (
	maxName   = 40  // characters of a name or an author
	maxReason = 300 // bytes of a reason
	maxMarks  = 2   // that follow one letter
)

// marks are the characters besides letters, digits and spaces that a name may
// have. None of them begins markup.
const marks = "!#'’()+,-./:·_&"

// CheckName returns what is wrong with the name of an app or its author.
func CheckName(name string) error {
	letters, run := 0, 0
	switch {
	case name == "":
		return errors.New("it is empty")
	case len(name) > maxName*utf8.UTFMax || utf8.RuneCountInString(name) > maxName:
		return fmt.Errorf("it is longer than %d characters", maxName)
	case display.Clean(name) != name:
		return errors.New("it has characters that cannot be seen, that change the direction of text, or that break the line")
	case strings.TrimSpace(name) != name || strings.Contains(name, "  "):
		return errors.New("it begins or ends with a space, or has two in a row")
	case norm.NFKC.String(name) != name:
		return errors.New("it is not in Unicode's form NFKC: write plain letters instead of styled or decomposed ones")
	}
	for _, r := range name {
		run++
		switch {
		case unicode.IsMark(r):
			if letters == 0 || run > maxMarks {
				return errors.New("it has accents without a letter, or too many on one")
			}
			continue
		case unicode.IsLetter(r) && !plainLetter(r):
			return fmt.Errorf("it has %q, which no name needs", r)
		case unicode.IsLetter(r):
			letters++
		case r == ' ', '0' <= r && r <= '9', strings.ContainsRune(marks, r):
		default:
			return fmt.Errorf("it has %q: letters, digits 0 to 9, spaces and %s are allowed", r, marks)
		}
		run = 0
	}
	if letters == 0 {
		return errors.New("it has no letter")
	}
	return checkScripts(name)
}

// plainLetter reports whether a letter is one that languages of today are written
// with. Of the Latin ones, those beyond the European and Vietnamese alphabets
// look like others.
func plainLetter(r rune) bool {
	if !unicode.Is(unicode.Latin, r) {
		return scriptOf(r) != "" || unicode.Is(unicode.Common, r) && unicode.Is(unicode.Lm, r)
	}
	return r <= 'ſ' || strings.ContainsRune("ƠơƯưȘșȚț", r) || 0x1E00 <= r && r <= 0x1EFF
}

// scripts are those that a name may have, of Unicode Standard Annex 31, table 5.
var scripts = []string{
	"Latin", "Cyrillic", "Greek", "Han", "Hiragana", "Katakana", "Hangul", "Bopomofo", "Arabic", "Hebrew", "Devanagari",
	"Armenian", "Bengali", "Ethiopic", "Georgian", "Gujarati", "Gurmukhi", "Kannada", "Khmer", "Lao", "Malayalam",
	"Myanmar", "Oriya", "Sinhala", "Tamil", "Telugu", "Thaana", "Thai", "Tibetan",
}

func scriptOf(r rune) string {
	if r < utf8.RuneSelf {
		return "Latin"
	}
	for _, script := range scripts {
		if unicode.Is(unicode.Scripts[script], r) {
			return script
		}
	}
	return ""
}

// together are the scripts that may be mixed, as Unicode Technical Standard 39,
// section 5.2, has it for "highly restrictive".
var together = [][]string{
	{"Latin", "Han", "Hiragana", "Katakana"},
	{"Latin", "Han", "Bopomofo"},
	{"Latin", "Han", "Hangul"},
}

func checkScripts(name string) error {
	var used []string
	for _, r := range name {
		if script := scriptOf(r); unicode.IsLetter(r) && script != "" && !slices.Contains(used, script) {
			used = append(used, script)
		}
	}
	if len(used) == 1 && used[0] != "Latin" && looksLatin(name) {
		return fmt.Errorf("all its letters are %s and look like Latin ones", used[0])
	}
	for _, set := range append(together, used[:min(len(used), 1)]) {
		if !slices.ContainsFunc(used, func(script string) bool { return !slices.Contains(set, script) }) {
			return nil
		}
	}
	return fmt.Errorf("it mixes %s letters, of which some look alike", strings.Join(used, " and "))
}

// taken are names that no app may have: pages and metrics use them for something
// else, or they are Stack Exchange's.
var taken = folded(Unlisted, "DSS", "Stack Overflow", "Stack Exchange", "Stack Apps", "Stack Internal")

func folded(names ...string) map[string]string {
	all := map[string]string{}
	for _, name := range names {
		all[skeleton(name)] = name
	}
	return all
}

// checkTaken returns an error for the skeleton of such a name.
func checkTaken(folded string) error {
	if name, ok := taken[folded]; ok {
		return fmt.Errorf("it is %s, or looks like it, and no app is that", name)
	}
	return nil
}

// checkReason returns what is wrong with a reason that people are shown.
func checkReason(reason string) error {
	switch {
	case strings.TrimSpace(reason) == "":
		return errors.New("it is empty: people are shown the reason")
	case len(reason) > maxReason:
		return fmt.Errorf("it is longer than %d bytes", maxReason)
	case display.Clean(reason) != reason || strings.ContainsAny(reason, "<>"):
		return errors.New("it must be one line of plain text")
	}
	return nil
}
