package apps

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// skeleton folds a name so that names which people cannot tell apart, or would
// take for the same, have the same one: by case, accents, spaces, punctuation and
// letters that look alike. It follows the idea of Unicode Technical Standard 39,
// section 4, with a table of the letters that names may have.
func skeleton(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(name) {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '+' && r != '#' { // C is not C++ nor C#
			continue
		}
		b.WriteString(fold(r))
	}
	return similar.Replace(b.String())
}

// fold returns the small Latin letters that a letter looks like, in one of its
// cases, or its small form.
func fold(r rune) string {
	for _, form := range []rune{r, unicode.ToUpper(r)} {
		if latin, ok := twins[form]; ok {
			r = unicode.ToLower(latin)
			break
		}
	}
	r = unicode.ToLower(r)
	if text, ok := loose[r]; ok {
		return text
	}
	return string(r)
}

// similar are sequences that look like a letter.
var similar = strings.NewReplacer("rn", "m", "vv", "w")

// twins are letters of other scripts that cannot be told from a Latin one.
var twins = pairs(
	// Cyrillic
	"АA ВB ԌG ЕE НH ІI ЈJ КK МM ОO РP ԚQ ЅS ТT ѴV ԜW ХX СC УY ҺH " +
		"аa еe оo рp сc уy хx іi јj ѕs ԛq ԝw һh ԁd ӏl ѵv " +
		// Greek
		"ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX ϹC ϳj ϜF ͿJ οo νv αa ιi ρp υu ϲc " +
		// Armenian
		"ՕO ՍU ԼL ՏS օo սu հh ոn ցg զq յj")

// loose are small letters and digits that are like others at a glance, or in
// another case.
var loose = map[rune]string{
	'i': "l", '1': "l", '0': "o", 'ı': "l",
	'ł': "l", 'ø': "o", 'đ': "d", 'ħ': "h", 'ŧ': "t", 'ŋ': "n", 'ß': "ss", 'æ': "ae", 'œ': "oe", 'þ': "p", 'ð': "d",
	'г': "r", 'п': "n", 'и': "u", 'ԍ': "g", 'з': "3",
	'ε': "e", 'σ': "o", 'ς': "c", 'η': "n", 'τ': "t", 'ω': "w", 'χ': "x", 'μ': "u", 'β': "b", 'γ': "y", 'κ': "k",
	'ס': "o", 'ו': "l", 'ן': "l",
	// Kana that look like ideographs, or like each other.
	'ロ': "口", 'エ': "工", 'カ': "力", 'ニ': "二", 'ト': "卜", 'ハ': "八", 'タ': "夕", 'ー': "一", 'へ': "ヘ", 'り': "リ",
}

func pairs(text string) map[rune]rune {
	all := map[rune]rune{}
	for pair := range strings.FieldsSeq(text) {
		letters := []rune(pair)
		all[letters[0]] = letters[1]
	}
	return all
}

// looksLatin reports whether a name without Latin letters looks as if it were
// made of nothing else.
func looksLatin(name string) bool {
	for _, r := range name {
		if _, twin := twins[r]; unicode.IsLetter(r) && !twin {
			return false
		}
	}
	return true
}
