package main

import (
	"bufio"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/display"
)

func (l *login) scopes() []string {
	return strings.FieldsFunc(l.scope, func(r rune) bool { return r == ',' || r == ' ' })
}

// reviewScopes asks about scopes that look misspelt, or warns if there is no
// terminal for an answer: a program that waits for one would hang. All others pass,
// as Stack Exchange has scopes that are not known here. It reports whether a scope
// has changed.
func (l *login) reviewScopes(p cli.Process) (changed bool) {
	answers := bufio.NewReader(io.LimitReader(p.Stdin, longestLine))
	s := newScreen(p.Stderr, p.Env)
	var reviewed []string
	for rest := l.scopes(); len(rest) > 0; {
		better, n := meant(rest)
		typed := rest[:n]
		rest = rest[n:]
		name := display.Clean(strings.Join(typed, " "))
		switch {
		case better == "":
		case s.columns == 0 || !isTerminal(p.Stdin):
			s.printf("dss: warning: no scope %s is known; did you mean %s?\n", name, better)
		default:
			s.printf("%s [Y/n] ", s.text("login.scope", "scope", name, "better", better))
			if isYes(answers) {
				typed, changed = []string{better}, true
			}
		}
		reviewed = append(reviewed, typed...)
	}
	l.scope = strings.Join(reviewed, " ")
	return changed
}

// meant returns the known scope that the first of names probably misspells, and
// how many of them that takes: read inbox are two. It returns "" for a name that
// is known, or unlike all that are.
func meant(names []string) (better string, n int) {
	if isKnown(names[0]) {
		return "", 1
	}
	for n := min(len(names), 3); n > 1; n-- { // words in the longest scope
		if better := nearest(strings.Join(names[:n], ""), 0); better != "" {
			return better, n
		}
	}
	name, team, isTeam := strings.Cut(names[0], "|")
	better = nearest(name, 2)
	switch {
	case isTeam && better == api.ScopeTeam:
		return better + "|" + display.Clean(team), 1
	case isTeam:
		return "", 1
	}
	return better, 1
}

// isKnown reports whether a name is that of a scope, or has the form of one.
func isKnown(name string) bool {
	return slices.Contains(api.Scopes, name) || strings.HasPrefix(name, api.ScopeTeam+"|")
}

// nearest returns the known scope that takes the fewest changes of letters, at
// most so many, or "". Case, dashes and the like do not count.
func nearest(name string, most int) string {
	letters := make([]string, len(api.Scopes))
	for i, known := range api.Scopes {
		letters[i] = lettersOf(known)
	}
	i := slices.Index(letters, cli.Nearest(lettersOf(name), letters, most))
	if i < 0 {
		return ""
	}
	return api.Scopes[i]
}

func lettersOf(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// isYes reads an answer. An empty line is a yes, the end of the input is not.
func isYes(answers *bufio.Reader) bool {
	line, err := answers.ReadString('\n')
	return err == nil && slices.Contains([]string{"", "y", "yes"}, strings.ToLower(strings.TrimSpace(line)))
}
