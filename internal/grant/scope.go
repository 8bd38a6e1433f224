package grant

import (
	"slices"
	"strings"
)

// maxScope bounds a scope parameter, in bytes.
const maxScope = 1000

// scope is a scope parameter as an app wrote it.
type scope string

// parseScope checks the characters (RFC 6749 section 3.3).
func parseScope(text string) (scope, error) {
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return "", ErrInvalidScope
		}
	}
	if len(text) > maxScope {
		return "", ErrInvalidScope
	}
	return scope(text), nil
}

// names are the scopes that Stack Exchange knows, each once. Some libraries
// add scopes of their own, such as openid; nobody here knows those.
func (s scope) names() []string {
	var names []string
	for _, name := range s.fields() {
		if knownScope(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (s scope) fields() []string {
	return strings.FieldsFunc(string(s), func(r rune) bool { return r == ' ' || r == ',' })
}

func (s scope) upstream() string { return strings.Join(s.names(), ",") }

// echo is the scope for the token answer (RFC 6749 section 5.1). Libraries
// compare it with what they asked for, as text; where that would not fit, it
// is left out.
func (s scope) echo() string {
	if granted := strings.Join(s.names(), " "); granted == string(s) {
		return granted
	}
	return ""
}

// Scopes are the scopes of Stack Exchange that have one name.
var Scopes = []string{"read_inbox", "no_expiry", "write_access", "private_info"}

func knownScope(name string) bool {
	return slices.Contains(Scopes, name) || strings.HasPrefix(name, "access_team|")
}
