package main

import (
	"bufio"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/oauth"
)

// nearly is how many letters of a scope may be wrong, so that it is taken for a
// mistake.
const nearly = 2

// meant returns the scope that was probably meant, "" if the name is one that is
// known or far from all that are.
func meant(name string) string {
	if slices.Contains(oauth.Scopes, name) {
		return ""
	}
	folded := strings.ReplaceAll(strings.ToLower(name), "-", "_")
	return cli.Nearest(folded, oauth.Scopes, nearly)
}

// reviewScopes asks about scopes that look like mistakes, or warns where nobody
// can answer. Stack Exchange knows others, and they change: what it does not
// know it drops without a word. It reports whether a scope has changed.
func (l *login) reviewScopes(p cli.Process) (changed bool) {
	names := l.scopes()
	answers := bufio.NewReader(io.LimitReader(p.Stdin, longestLine))
	s := newScreen(p.Stderr, p.Env)
	for i, name := range names {
		better := meant(name)
		switch {
		case better == "":
		case s.columns == 0 || !isTerminal(p.Stdin):
			s.printf("dss: warning: no scope %s is known; did you mean %s?\n", display.Clean(name), better)
		default:
			s.printf("No scope %s is known. Did you mean %s? [Y/n] ", display.Clean(name), better)
			if isYes(answers) {
				names[i], changed = better, true
			}
		}
	}
	l.scope = strings.Join(names, " ")
	return changed
}

// isYes reads an answer. Return alone is a yes, the end of the input is not.
func isYes(answers *bufio.Reader) bool {
	line, err := answers.ReadString('\n')
	return err == nil && slices.Contains([]string{"", "y", "yes"}, strings.ToLower(strings.TrimSpace(line)))
}

func isTerminal(r io.Reader) bool {
	file, ok := r.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
