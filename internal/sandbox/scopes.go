package sandbox

import (
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
)

// noExpiry is the scope of tokens that never expire.
const noExpiry = "no_expiry"

// maxScope bounds the scope parameter, in bytes.
const maxScope = 1000

// parseScope splits scope at commas and spaces. Unknown scopes pass through.
func parseScope(scope string) []string {
	var scopes []string
	for _, name := range strings.FieldsFunc(scope, func(r rune) bool { return r == ',' || r == ' ' }) {
		if !slices.Contains(scopes, name) {
			scopes = append(scopes, name)
		}
	}
	return scopes
}

// permission is a scope and the text that says what it lets an app do, which may name
// a team.
type permission struct{ Text, Scope, Team string }

// permissions says in plain words what scopes permit.
func permissions(scopes []string) []permission {
	list := []permission{{Text: "sandbox.scope.identity"}}
	for _, scope := range scopes {
		one := permission{Text: "sandbox.scope.unknown", Scope: scope}
		team, isTeam := strings.CutPrefix(scope, api.ScopeTeam+"|")
		switch {
		case isTeam:
			one.Text, one.Team = "sandbox.scope.team", team
		case slices.Contains(api.Scopes, scope), scope == api.ScopeTeam:
			one.Text = "sandbox.scope." + scope
		}
		list = append(list, one)
	}
	return list
}
