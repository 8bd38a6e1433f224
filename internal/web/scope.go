package web

import (
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
)

// Scope is one thing that an app asks for: its name, and what follows the bar,
// as in access_team|stackoverflow.com/c/example.
type Scope struct{ Name, Of string }

// scopesOf returns scopes taken apart: first those that matter most, then the
// others in their order.
func scopesOf(texts []string) []Scope {
	var first, others []Scope
	for _, text := range texts {
		var scope Scope
		if scope.Name, scope.Of, _ = strings.Cut(text, "|"); scope.strong() {
			first = append(first, scope)
		} else {
			others = append(others, scope)
		}
	}
	return append(first, others...)
}

// knownScopes are those with a text.
func knownScopes() []Scope { return scopesOf(api.Scopes) }

// strong reports whether a scope is what a thief would want: to act as the user, or
// access without an end.
func (s Scope) strong() bool { return s.Name == "write_access" || s.Name == "no_expiry" }

// Text names the text that says what a known scope permits; "" for another one.
func (s Scope) Text() string {
	switch {
	case s.Name == api.ScopeTeam && s.Of == "":
		return "device.scope.any_team"
	case s.Name == api.ScopeTeam, s.Of == "" && slices.Contains(api.Scopes, s.Name):
		return "device.scope." + s.Name
	}
	return ""
}
