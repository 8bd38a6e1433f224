package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
)

//go:embed text
var textFiles embed.FS

// texts holds all sentences of the pages in one language, by name. A language is
// one file, text/xx.json; templates ask for names only.
type texts map[string]string

func loadTexts(language string) (texts, error) {
	body, err := textFiles.ReadFile("text/" + language + ".json")
	if err != nil {
		return nil, fmt.Errorf("reading texts: %w", err)
	}
	var all texts
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, fmt.Errorf("decoding texts %s: %w", language, err)
	}
	return all, nil
}

// get returns the text called name; a missing one fails the rendering.
func (t texts) get(name string) (string, error) {
	text, ok := t[name]
	if !ok {
		return "", fmt.Errorf("no text %q", name)
	}
	return text, nil
}

// rich returns the text called name, escaped, with each part between backticks
// in a code element.
func (t texts) rich(name string) (template.HTML, error) {
	text, err := t.get(name)
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		escaped := template.HTMLEscapeString(part)
		if i%2 == 1 {
			escaped = "<code>" + escaped + "</code>"
		}
		b.WriteString(escaped)
	}
	return template.HTML(b.String()), err
}

// named puts a name in the place of the placeholder in text, isolated from the
// direction of what is around it.
func named(placeholder, name, text string) (template.HTML, error) {
	before, after, ok := strings.Cut(text, placeholder)
	if !ok {
		return "", fmt.Errorf("text %q has no %s", text, placeholder)
	}
	escape := template.HTMLEscapeString
	return template.HTML(escape(before) + "<bdi>" + escape(name) + "</bdi>" + escape(after)), nil
}

// fill replaces the placeholder in text, such as {n}, with value; a text without
// it fails the rendering.
func fill(placeholder string, value any, text string) (string, error) {
	if !strings.Contains(text, placeholder) {
		return "", fmt.Errorf("text %q has no %s", text, placeholder)
	}
	return strings.ReplaceAll(text, placeholder, fmt.Sprint(value)), nil
}
