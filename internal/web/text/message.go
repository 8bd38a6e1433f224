package text

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// message is a text with its placeholders and marks taken apart.
type message struct {
	forms map[category][]part // one of them, other, unless it depends on a number
	names []string            // the placeholders of all forms
}

// part is a piece of a message: literal text, a placeholder, or a mark.
type part struct {
	kind kind
	text string // a literal, or the name of a placeholder
}

type kind int

const (
	literal kind = iota
	placeholder
	code      // begins or ends
	strong    // begins or ends
	linkBegin // text is the placeholder of the address
	linkEnd
	sentence // of a headline of several: begins or ends
)

// tokens finds what is not literal. The placeholder of a link's address comes
// after its words.
var tokens = regexp.MustCompile("`|\\*\\*|\\[|\\]\\(\\{([a-z_]+)\\}\\)|\\{([a-z_]+)\\}")

func parseMessage(value json.RawMessage) (message, error) {
	var one string
	forms := map[category]string{}
	if json.Unmarshal(value, &one) == nil {
		forms[other] = one
	} else if err := json.Unmarshal(value, &forms); err != nil {
		return message{}, errors.New("neither a text nor forms of one")
	}
	if forms[other] == "" {
		return message{}, errors.New("no text, or no form other")
	}
	m := message{forms: map[category][]part{}}
	for which, form := range forms {
		parts, err := parse(form)
		if err != nil {
			return message{}, err
		}
		m.forms[which] = parts
		for _, p := range parts {
			if (p.kind == placeholder || p.kind == linkBegin) && !slices.Contains(m.names, p.text) {
				m.names = append(m.names, p.text)
			}
		}
	}
	if len(m.forms) > 1 && !slices.Contains(m.names, "n") {
		return message{}, errors.New("forms, and no {n}")
	}
	return m, nil
}

// parse takes one form of a message apart.
func parse(form string) (parts []part, err error) {
	link, at := -1, 0 // link is the index of the one that is open
	open := map[kind]bool{}
	add := func(text string) {
		if !open[code] {
			text = bind(text)
		}
		if len(parts) > 0 && parts[len(parts)-1].kind == placeholder {
			text = follow(text)
		}
		parts = append(parts, part{literal, text})
	}
	for _, found := range tokens.FindAllStringSubmatchIndex(form, -1) {
		if found[0] > at {
			add(form[at:found[0]])
		}
		at = found[1]
		switch token := form[found[0]:found[1]]; {
		case token == "`":
			open[code] = !open[code]
			parts = append(parts, part{kind: code})
		case token == "**":
			open[strong] = !open[strong]
			parts = append(parts, part{kind: strong})
		case token == "[" && link < 0:
			link = len(parts)
			parts = append(parts, part{kind: linkBegin})
		case found[2] >= 0 && link >= 0:
			parts[link].text = form[found[2]:found[3]]
			link = -1
			parts = append(parts, part{kind: linkEnd})
		case found[4] >= 0:
			parts = append(parts, part{placeholder, form[found[4]:found[5]]})
		default:
			return nil, fmt.Errorf("misplaced %s", token)
		}
	}
	if at < len(form) {
		add(form[at:])
	}
	if link >= 0 || open[code] || open[strong] {
		return nil, errors.New("a mark has no end")
	}
	if i := slices.IndexFunc(parts, func(p part) bool {
		return p.kind == literal && strings.ContainsAny(p.text, "{}")
	}); i >= 0 {
		return nil, fmt.Errorf("braces without a placeholder in %q", parts[i].text)
	}
	return parts, nil
}

// change returns the message with other literal text. Code stays as it is.
func (m message) change(change func(string) string) message {
	changed := message{forms: map[category][]part{}, names: m.names}
	for which, parts := range m.forms {
		parts, inCode := slices.Clone(parts), false
		for i, p := range parts {
			switch {
			case p.kind == code:
				inCode = !inCode
			case p.kind == literal && !inCode:
				parts[i].text = change(p.text)
			}
		}
		changed.forms[which] = parts
	}
	return changed
}

// fill names the values, which must be those of the placeholders.
func (m message) fill(values []any) (map[string]any, error) {
	if len(values) == 0 && len(m.names) == 0 {
		return nil, nil
	}
	named := make(map[string]any, len(values)/2)
	for ; len(values) >= 2; values = values[2:] {
		name, _ := values[0].(string)
		if !slices.Contains(m.names, name) {
			return nil, fmt.Errorf("no placeholder {%v}", values[0])
		}
		named[name] = values[1]
	}
	if len(values) > 0 {
		return nil, errors.New("a name without a value")
	}
	for _, name := range m.names {
		if _, ok := named[name]; !ok {
			return nil, fmt.Errorf("no value for {%s}", name)
		}
	}
	return named, nil
}

// form returns the form of the message for the number in the values.
func (m message) form(plural plural, named map[string]any) ([]part, error) {
	if len(m.forms) == 1 {
		return m.forms[other], nil
	}
	n, ok := named["n"].(int)
	if !ok {
		return nil, fmt.Errorf("n is %v, which is not an int", named["n"])
	}
	if form, ok := m.forms[plural.choose(n)]; ok {
		return form, nil
	}
	return nil, fmt.Errorf("no form %s", plural.choose(n))
}
