package text

import (
	"fmt"
	"html"
	"strings"
)

// HTML is markup that is safe to put into a page.
type HTML string

// writer turns the parts of a message into text.
type writer interface {
	literal(text string)
	value(value any)
	code()
	strong()
	sentence()
	link(address string)
	linkEnd()
}

// write writes a part, with the values of the placeholders.
func (p part) write(out writer, named map[string]any) {
	switch p.kind {
	case literal:
		out.literal(p.text)
	case placeholder:
		out.value(named[p.text])
	case code:
		out.code()
	case strong:
		out.strong()
	case sentence:
		out.sentence()
	case linkBegin:
		out.link(fmt.Sprint(named[p.text]))
	case linkEnd:
		out.linkEnd()
	}
}

type htmlWriter struct {
	strings.Builder
	inCode, inStrong, inSentence bool
}

func (w *htmlWriter) literal(text string) { w.WriteString(html.EscapeString(text)) }

func (w *htmlWriter) value(value any) {
	switch v := value.(type) {
	case HTML:
		w.WriteString(string(v))
	case int:
		fmt.Fprint(w, v)
	default:
		fmt.Fprintf(w, "<bdi>%s</bdi>", unbroken(fmt.Sprint(v)))
	}
}

// unbroken returns a short name as HTML in which no line breaks at a space. A longer one
// might not fit on a line.
func unbroken(name string) string {
	escaped := html.EscapeString(name)
	if len(name) > len("Visual Studio Code") {
		return escaped
	}
	return strings.ReplaceAll(escaped, " ", "&nbsp;")
}

func (w *htmlWriter) code()   { w.toggle(&w.inCode, `<code dir="ltr">`, "</code>") }
func (w *htmlWriter) strong() { w.toggle(&w.inStrong, "<strong>", "</strong>") }

func (w *htmlWriter) sentence() { w.toggle(&w.inSentence, "<span>", "</span>") }

func (w *htmlWriter) toggle(in *bool, begin, end string) {
	if *in {
		begin = end
	}
	*in = !*in
	w.WriteString(begin)
}

// link begins a link. One that leads to another site opens in a tab of its own,
// because users are in the middle of something.
func (w *htmlWriter) link(address string) {
	own := strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//") || strings.HasPrefix(address, "#")
	switch {
	case own, strings.HasPrefix(address, "mailto:"):
		fmt.Fprintf(w, `<a href="%s">`, html.EscapeString(address))
	case strings.HasPrefix(address, "https://"), strings.HasPrefix(address, "http://"):
		fmt.Fprintf(w, `<a href="%s" target="_blank" rel="noopener noreferrer">`, html.EscapeString(address))
	default: // such as javascript:
		w.WriteString("<a>")
	}
}

func (w *htmlWriter) linkEnd() { w.WriteString("</a>") }

// plainWriter leaves marks out, and where lines may and may not break.
type plainWriter struct {
	strings.Builder
	address string
}

func (w *plainWriter) literal(text string) { w.WriteString(WithoutBreaks(text)) }
func (w *plainWriter) value(value any)     { fmt.Fprint(w, value) }
func (w *plainWriter) code()               {}
func (w *plainWriter) strong()             {}
func (w *plainWriter) sentence()           {}
func (w *plainWriter) link(address string) { w.address = address }
func (w *plainWriter) linkEnd()            { fmt.Fprintf(w, " (%s)", w.address) }
