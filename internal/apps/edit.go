package apps

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// ErrUnlisted means that no app of a list has an id.
var ErrUnlisted = errors.New("not in the list")

// Block has the list at path say that the app with an id is blocked, and why. It
// inserts one line, or replaces the one that is there, and leaves the rest as it
// is. The error is [ErrUnlisted] if the app is not listed.
func Block(path, id, reason string) error {
	if err := checkReason(reason); err != nil {
		return fmt.Errorf("reason: %w", err)
	}
	return edit(path, func(text *lineEditor) error {
		app, err := text.find(id)
		if err != nil {
			return err
		}
		line := "blocked = " + tomlString(reason)
		if old, ok := app.lines["blocked"]; ok {
			text.replace(old, text.indent(old.first)+line)
			return nil
		}
		text.insert(app.line, text.indent(app.firstMember())+line)
		return nil
	})
}

// Unblock removes the line that says that the app with an id is blocked. An app
// that is not blocked stays as it is.
func Unblock(path, id string) error {
	return edit(path, func(text *lineEditor) error {
		app, err := text.find(id)
		if err != nil {
			return err
		}
		if old, ok := app.lines["blocked"]; ok {
			text.replace(old)
		}
		return nil
	})
}

// BlockNew adds an app that is not listed, as blocked. Its id is taken for a client
// id if it can be one.
func BlockNew(path, id, name, reason string) error {
	member := "app_id"
	if checkClientID(id) == nil {
		member = "client_id"
	}
	return edit(path, func(text *lineEditor) error {
		if _, err := text.find(id); err == nil {
			return fmt.Errorf("%s is in the list already", id)
		}
		text.append("", "[[app]]", member+" = "+tomlString(id), "name = "+tomlString(name), "blocked = "+tomlString(reason))
		return nil
	})
}

// tomlString writes a text in which every character can be seen.
func tomlString(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// edit changes the lines of a list, and writes it if the result is a list.
func edit(path string, change func(*lineEditor) error) error {
	path, err := filepath.EvalSymlinks(path) // the link stays
	if err != nil {
		return err
	}
	return replaceFile(path, func(before []byte) (after []byte, err error) {
		readIcon := iconsIn(filepath.Dir(path))
		text, err := newLineEditor(path, before, readIcon)
		if err != nil {
			return nil, errors.Join(errors.New("the list has problems, so it was left as it is"), err)
		}
		if err := change(text); err != nil {
			return nil, err
		}
		after = bytes.Join(text.lines, nil)
		_, err = Parse(path, after, readIcon, nil)
		return after, err
	})
}

// lineEditor is a list as lines, with their ends.
type lineEditor struct {
	lines   [][]byte
	newline string
	apps    []entry
}

func newLineEditor(name string, text []byte, readIcon func(string) ([]byte, error)) (*lineEditor, error) {
	e := &lineEditor{lines: bytes.SplitAfter(text, []byte("\n")), newline: "\n"}
	if bytes.Contains(text, []byte("\r\n")) {
		e.newline = "\r\n"
	}
	var err error
	e.apps, err = newList(nil).parse(name, text, readIcon)
	return e, err
}

func (e *lineEditor) find(id string) (*entry, error) {
	for i := range e.apps {
		if app := &e.apps[i]; id != "" && (app.ClientID == id || app.AppID == id) {
			return app, nil
		}
	}
	return nil, fmt.Errorf("%s is %w", quote(id), ErrUnlisted)
}

// indent returns the white space at the beginning of a line.
func (e *lineEditor) indent(line int) string {
	text := e.lines[line-1]
	return string(text[:len(text)-len(bytes.TrimLeft(text, " \t"))])
}

// insert inserts a line after another one.
func (e *lineEditor) insert(after int, line string) {
	e.replace(lines{after + 1, after}, line)
}

// replace puts other lines in the place of some.
func (e *lineEditor) replace(old lines, with ...string) {
	var fresh [][]byte
	for _, line := range with {
		fresh = append(fresh, []byte(line+e.newline))
	}
	e.lines = append(e.lines[:old.first-1:old.first-1], append(fresh, e.lines[old.last:]...)...)
}

func (e *lineEditor) append(with ...string) {
	if last := len(e.lines) - 1; len(e.lines[last]) > 0 { // it has no end
		e.lines[last] = append(bytes.Clone(e.lines[last]), e.newline...)
		e.lines = append(e.lines, nil)
	}
	e.replace(lines{len(e.lines), len(e.lines) - 1}, with...)
}
