package text

import (
	"cmp"
	"strconv"
	"strings"
)

// English is the language that all texts were written in first.
var English = embedded("en", "English", oneOther)

// All lists the languages of DSS, by tag.
var All = Languages{
	English,
	embedded("es", "Español", spanish),
	embedded("ja", "日本語", alwaysOther),
	embedded("pt-BR", "Português (Brasil)", portuguese),
	embedded("ru", "Русский", russian),
}

// embedded returns the language of the file with its tag.
func embedded(tag, name string, plural plural) *Language {
	return newLanguage(tag, name, "ltr", plural, func() ([]byte, error) { return files.ReadFile(tag + ".json") })
}

// Languages is a list of languages to choose from.
type Languages []*Language

// Find returns the language for a BCP 47 tag, which may be that of another region:
// es-MX is served in es, and pt in pt-BR. It returns nil if there is none.
func (all Languages) Find(tag string) *Language {
	base, _, _ := strings.Cut(tag, "-")
	var near *Language
	for _, l := range all {
		own, _, _ := strings.Cut(l.Tag, "-")
		switch {
		case strings.EqualFold(l.Tag, tag):
			return l
		case near == nil && strings.EqualFold(own, base):
			near = l
		}
	}
	return near
}

// First returns the first of the tags that there is a language for, in the form of
// ui_locales: separated by spaces, the preferred one first. It returns nil if there
// is none.
func (all Languages) First(tags string) *Language {
	for tag := range strings.FieldsSeq(tags) {
		if l := all.Find(tag); l != nil {
			return l
		}
	}
	return nil
}

// maxRanges bounds what is read of an Accept-Language header.
const maxRanges = 20

// Accepted returns the language that an Accept-Language header likes best (RFC 9110
// section 12.5.4); nil if it names none of them.
func (all Languages) Accepted(header string) *Language {
	var best *Language
	var quality float64
	for i, item := range strings.SplitN(header, ",", maxRanges+1) {
		tag, weight, weighted := strings.Cut(item, ";")
		q := 1.0
		if weighted {
			text, _ := strings.CutPrefix(strings.ToLower(strings.TrimSpace(weight)), "q=")
			q, _ = strconv.ParseFloat(text, 64)
		}
		if l := all.Find(strings.TrimSpace(tag)); l != nil && q > quality && q <= 1 && i < maxRanges {
			best, quality = l, q
		}
	}
	return best
}

// Tags lists the tags of the languages.
func (all Languages) Tags() []string {
	tags := make([]string, len(all))
	for i, l := range all {
		tags[i] = l.Tag
	}
	return tags
}

// Locale returns the language of a POSIX environment, whose variables LC_ALL,
// LC_MESSAGES and LANG hold locales such as pt_BR.UTF-8; English if it names none.
func (all Languages) Locale(getenv func(string) string) *Language {
	locale := cmp.Or(getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG"))
	tag, _, _ := strings.Cut(strings.ReplaceAll(locale, "_", "-"), ".")
	return cmp.Or(all.Find(tag), English)
}
