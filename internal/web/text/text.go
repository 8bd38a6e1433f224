// Package text holds every sentence that users read, in each language of DSS:
// the pages, the sandbox's, those of the loopback listener, and what dss login
// writes. A language is one file of names and messages.
//
// A message is a whole sentence, or several. It may hold placeholders such as
// {app}, which the caller fills by name, and marks: `code`, **strong**, and
// [words]({link}), where the placeholder is an address. A message that depends on
// a number is an object of forms, by the plural categories of Unicode's CLDR, and
// the placeholder {n} chooses between them.
//
// Files are parsed when a language is first used. docs/languages.md says how to
// add one.
package text

import (
	"embed"
	"encoding/json"
	"fmt"
	"sync"
)

//go:embed *.json
var files embed.FS

// Language is a language of DSS. It is immutable and safe for concurrent use.
type Language struct {
	Tag       string // BCP 47, such as pt-BR
	Name      string // in the language itself
	Direction string // ltr or rtl

	plural   plural
	messages func() (map[string]message, error)
}

// newLanguage returns a language whose messages are parsed once, when they are
// needed.
func newLanguage(tag, name, direction string, plural plural, read func() ([]byte, error)) *Language {
	return &Language{tag, name, direction, plural, sync.OnceValues(func() (map[string]message, error) {
		body, err := read()
		if err != nil {
			return nil, fmt.Errorf("reading texts: %w", err)
		}
		messages, err := parseMessages(body)
		if err != nil {
			return nil, fmt.Errorf("texts of %s: %w", tag, err)
		}
		return messages, nil
	})}
}

// Variant returns a language with the messages of l, whose literal text is changed:
// a pseudo-locale, for tests.
func (l *Language) Variant(tag, name, direction string, change func(string) string) *Language {
	return &Language{tag, name, direction, l.plural, sync.OnceValues(func() (map[string]message, error) {
		own, err := l.messages()
		changed := make(map[string]message, len(own))
		for name, m := range own {
			changed[name] = m.change(change)
		}
		return changed, err
	})}
}

// HTML returns the message called name, escaped, with its marks as elements.
// Values alternate with the names of their placeholders before them. A value
// of type [HTML] is not escaped. Text is isolated from the direction of what is
// around it by a bdi element. It fails if there is no such message, or if the
// placeholders are not those of the message.
func (l *Language) HTML(name string, values ...any) (HTML, error) {
	out := &htmlWriter{}
	err := l.write(out, name, values)
	return HTML(out.String()), err
}

// Plain returns a message as plain text, for terminals and JSON; see
// [Language.HTML]. Its words that are a link are followed by the address.
func (l *Language) Plain(name string, values ...any) (string, error) {
	out := &plainWriter{}
	err := l.write(out, name, values)
	return out.String(), err
}

func (l *Language) write(out writer, name string, values []any) error {
	messages, err := l.messages()
	if err != nil {
		return err
	}
	m, ok := messages[name]
	if !ok {
		return fmt.Errorf("no text %q in %s", name, l.Tag)
	}
	named, err := m.fill(values)
	if err != nil {
		return fmt.Errorf("text %q: %w", name, err)
	}
	parts, err := m.form(l.plural, named)
	if err != nil {
		return fmt.Errorf("text %q in %s: %w", name, l.Tag, err)
	}
	for _, part := range parts {
		part.write(out, named)
	}
	return nil
}

// parseMessages parses the file of a language.
func parseMessages(body []byte) (map[string]message, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, err
	}
	messages := make(map[string]message, len(raw))
	for name, value := range raw {
		m, err := parseMessage(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if isHeadline(name) {
			m = m.bySentence()
		}
		messages[name] = m
	}
	return messages, nil
}
