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

// scopeWords say what each of [api.Scopes] lets an app do.
var scopeWords = map[string]string{
	"read_inbox":   "Read your inbox and your notifications.",
	noExpiry:       "Keep this access until you take it back: the token never expires.",
	"write_access": "Post, edit, comment and vote as you.",
	"private_info": "See what only you can see, such as your privileges and your full history.",
	api.ScopeTeam:  "Read what is in one of your teams.",

	"manage_collective_recommendations": "Recommend answers in your Collectives.",
	"manage_collective_reports":         "Create and read reports on your Collectives.",
}

// permission is a scope and what it lets an app do.
type permission struct{ Words, Scope string }

// permissions says in plain words what scopes permit.
func permissions(scopes []string) []permission {
	list := []permission{{Words: "Know who you are: your name, account number and public profile."}}
	for _, scope := range scopes {
		words, known := scopeWords[scope]
		team, isTeam := strings.CutPrefix(scope, api.ScopeTeam+"|")
		switch {
		case isTeam:
			words = "Read what is in the team at " + team + "."
		case !known:
			words = "Something that this sandbox does not know and passes through."
		}
		list = append(list, permission{words, scope})
	}
	return list
}
