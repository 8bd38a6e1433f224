package text

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// together are the places where no line breaks: in a name, at a hyphen in a short word,
// after the не of Russian, and before what is said of a quotation in Japanese.
var together = strings.NewReplacer(
	"Stack Exchange", "Stack\u00a0Exchange", "Stack Overflow", "Stack\u00a0Overflow", "Stack Apps", "Stack\u00a0Apps",
	"sign-in", "sign\u2011in", "кто-то", "кто\u2011то", " не ", " не\u00a0", "」", "」\u2060")

// breaks are what only says where lines may and may not break, and what they stand for.
var breaks = strings.NewReplacer("\u200b", "", "\u00a0", " ", "&nbsp;", " ", "\u2011", "-", "\u2060", "")

// WithoutBreaks returns a text, or the HTML of one, that does not say where its lines
// may and may not break.
func WithoutBreaks(text string) string { return breaks.Replace(text) }

// afterStop is a space after punctuation of full width, which has room of its own.
var afterStop = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("([。、：！？](?:</[a-z]+>)*) ") })

// Typeset returns the HTML of a page without the spaces that the language does not have.
func (l *Language) Typeset(page []byte) []byte {
	if l.Tag != "ja" {
		return page
	}
	return afterStop().ReplaceAll(page, []byte("$1"))
}

// bind returns a text in which no line breaks where it should not, nor after a word of
// one letter; those of English may end a line, but not begin a quotation at its end.
func bind(text string) string {
	words := strings.Split(together.Replace(text), " ")
	for i, word := range words[:len(words)-1] {
		bare := strings.TrimLeftFunc(word, unicode.IsPunct)
		letter, size := utf8.DecodeRuneInString(bare)
		if unicode.IsLetter(letter) && size == len(bare) && bare != "a" && word != "I" {
			words[i] += "\u00a0"
		} else {
			words[i] += " "
		}
	}
	return strings.Join(words, "")
}

// follow returns a text that comes after a value: in Japanese no line begins with it.
func follow(text string) string {
	if first, _ := utf8.DecodeRuneInString(text); unicode.In(first, unicode.Hiragana, unicode.Katakana, unicode.Han) {
		return "\u2060" + text
	}
	return text
}

func isHeadline(name string) bool {
	return strings.HasSuffix(strings.TrimSuffix(name, ".unknown"), ".title")
}

// bySentence returns the message, a headline, with its sentences apart if there are
// several: there its lines break first.
func (m message) bySentence() message {
	apart := message{forms: map[category][]part{}, names: m.names}
	for which, parts := range m.forms {
		apart.forms[which] = sentences(parts)
	}
	return apart
}

func sentences(parts []part) []part {
	apart := []part{{kind: sentence}}
	for _, p := range parts {
		for p.kind == literal {
			first, space, rest := cutSentence(p.text)
			if space == "" {
				break
			}
			apart = append(apart, part{literal, first}, part{kind: sentence}, part{literal, space}, part{kind: sentence})
			p.text = rest
		}
		if p.kind != literal || p.text != "" {
			apart = append(apart, p)
		}
	}
	if len(apart) == len(parts)+1 {
		return parts // it has one
	}
	return append(apart, part{kind: sentence})
}

// cutSentence cuts off the first sentence of several, and the space after it.
func cutSentence(text string) (first, space, rest string) {
	for _, end := range []string{". ", "。\u200b"} {
		if i := strings.Index(text, end); i >= 0 {
			_, size := utf8.DecodeRuneInString(end)
			return text[:i+size], end[size:], text[i+len(end):]
		}
	}
	return text, "", ""
}
