package apps

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/desktop-stack-serv/dss/internal/display"
)

// Problem is a mistake in a list of apps.
type Problem struct {
	File string
	Line int
	Text string
}

func (p *Problem) Error() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text) }

const (
	maxProblems = 20 // that are reported
	maxQuoted   = 60 // bytes that are quoted of what is wrong
)

// Parse reads a list in TOML; docs/apps.md has the schema. name is the file's, for
// errors, which are [*Problem]s, joined. readIcon reads the file of an icon.
// Icons that before has, which may be nil, are not checked again.
func Parse(name string, text []byte, readIcon func(path string) ([]byte, error), before *List) (*List, error) {
	l := newList(before)
	entries, err := l.parse(name, text, readIcon)
	if err != nil {
		return nil, err
	}
	l.apps = make([]App, len(entries))
	for i, e := range entries {
		l.apps[i] = e.App
	}
	l.index()
	if err := l.keepUsed(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return l, nil
}

// parse reads the entries of a list, and adds their icons to l.
func (l *List) parse(name string, text []byte, readIcon func(path string) ([]byte, error)) ([]entry, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // which editors on Windows add
	p := &parser{name: name, text: text, list: l, readIcon: readIcon, seen: newSeen()}
	p.parse()
	if p.more > 0 {
		p.problems = append(p.problems, fmt.Errorf("%s: and %d more problems", name, p.more))
	}
	return p.entries, errors.Join(p.problems...)
}

// parser reads the expressions of a file one by one: headers and members.
type parser struct {
	name     string
	text     []byte
	list     *List
	readIcon func(path string) ([]byte, error)
	seen     seen

	entries  []entry
	problems []error
	more     int
	at, line int // an offset, and the line it is in, from 0

	app  *entry // the one that members belong to; nil outside of one
	skip bool   // members belong to a table that is a problem already
}

// entry is an app while it is read.
type entry struct {
	App
	line  int              // of its header
	lines map[string]lines // of its members
}

// lines are those of a member, from 1; the last included.
type lines struct{ first, last int }

func (p *parser) parse() {
	toml := unstable.Parser{}
	toml.Reset(p.text)
	for toml.NextExpression() {
		switch e := toml.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			p.header(e)
		case unstable.KeyValue:
			p.member(e)
		}
	}
	if failed, ok := errors.AsType[*unstable.ParserError](toml.Error()); ok {
		p.problem(p.lineOf(toml.Range(failed.Highlight).Offset), "%s", failed.Message)
		return // the rest cannot be read, nor the entry be trusted
	}
	p.finish()
	if len(p.entries) == 0 && len(p.problems) == 0 {
		p.problem(1, "there is no [[app]]") // and the file may have been caught while it is written
	}
}

// lineOf returns the line of an offset. Offsets mostly grow.
func (p *parser) lineOf(offset uint32) int {
	to := int(offset)
	if to < p.at {
		p.at, p.line = 0, 0
	}
	p.line += bytes.Count(p.text[p.at:to], []byte("\n"))
	p.at = to
	return p.line + 1
}

func (p *parser) problem(line int, format string, arguments ...any) {
	if len(p.problems) == maxProblems {
		p.more++
		return
	}
	p.problems = append(p.problems, &Problem{p.name, line, fmt.Sprintf(format, arguments...)})
}

// keyOf returns the parts of a key, and its line.
func (p *parser) keyOf(e *unstable.Node) (key []string, line int) {
	for it := e.Key(); it.Next(); {
		if key == nil {
			line = p.lineOf(it.Node().Raw.Offset)
		}
		key = append(key, string(it.Node().Data))
	}
	return key, line
}

// header reads [[app]], and refuses all others.
func (p *parser) header(e *unstable.Node) {
	key, line := p.keyOf(e)
	if key[0] == "app" && len(key) > 1 { // of the same app
		p.skip = true
		p.unknown(line, key[1])
		return
	}
	p.finish()
	p.app, p.skip = nil, false
	switch {
	case key[0] != "app":
		p.skip = true
		p.problem(line, "unknown table %s: write [[app]]", quote(key[0]))
	case e.Kind == unstable.Table:
		p.skip = true
		p.problem(line, "write [[app]], with two brackets")
	default:
		p.app = &entry{App: App{Limits: 1}, line: line, lines: map[string]lines{}}
	}
}

func (p *parser) unknown(line int, name string) {
	p.problem(line, "unknown member %s: an app has %s", quote(name), memberNames)
}

// member reads a line of an app.
func (p *parser) member(e *unstable.Node) {
	key, line := p.keyOf(e)
	known, ok := members[key[0]]
	switch {
	case p.skip:
	case p.app == nil && ok:
		p.problem(line, "%s is outside of an app: write [[app]] above it", key[0])
	case !ok && p.app == nil:
		p.problem(line, "unknown member %s: a list has nothing but [[app]] tables", quote(key[0]))
	case !ok || len(key) > 1:
		p.unknown(line, key[len(key)-1])
	case p.app.has(key[0]):
		p.problem(line, "%s is there twice", key[0])
	default:
		value := e.Value()
		last := line
		if end := value.Raw.Offset + value.Raw.Length; value.Raw.Length > 0 {
			last = p.lineOf(end)
		}
		p.app.lines[key[0]] = lines{line, last}
		if err := known(p, &p.app.App, value); err != nil {
			p.problem(line, "%s: %v", key[0], err)
		}
	}
}

// firstMember returns the line of the first member.
func (e *entry) firstMember() int {
	first := e.lines["name"].first // each app has one
	for _, member := range e.lines {
		first = min(first, member.first)
	}
	return first
}

func (e *entry) has(member string) bool { return e.lines[member].first > 0 }

// finish adds the app that has been read, after what can be checked only then.
func (p *parser) finish() {
	e := p.app
	if e == nil {
		return
	}
	switch {
	case !e.has("client_id") && !e.has("app_id"):
		p.problem(e.line, "the app has neither client_id nor app_id")
	case !e.has("name"):
		p.problem(e.line, "the app has no name")
	case e.has("redirect_uris") && !e.has("client_id"):
		p.problem(e.lines["redirect_uris"].first, "redirect_uris: the app has no client_id to go with them")
	}
	p.seen.check(p, e)
	p.entries = append(p.entries, *e)
	p.app = nil
}

// quote quotes the beginning of a text for an error.
func quote(text string) string {
	if len(text) > maxQuoted {
		return fmt.Sprintf("%q…", display.Cut(text, maxQuoted))
	}
	return fmt.Sprintf("%q", text)
}
