package oauth

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

// names are the scopes that Stack Exchange is asked for: all that the app asks
// for, each once, in its order, except OpenID Connect's.
func (s scope) names() []string {
	var names []string
	for _, name := range s.fields() {
		if !slices.Contains(openIDScopes, name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// openIDScopes are added by libraries whether or not a server has ID tokens.
var openIDScopes = []string{"openid", "profile", "email", "address", "phone", "offline_access"}

func (s scope) fields() []string {
	return strings.FieldsFunc(string(s), func(r rune) bool { return r == ' ' || r == ',' })
}

func (s scope) upstream() string { return strings.Join(s.names(), ",") }

// granted is the scope for the token answer (RFC 6749 section 5.1): what Stack
// Exchange was asked for. It is nil if that is the set that the app asked for.
func (s scope) granted() *string {
	if !slices.ContainsFunc(s.fields(), func(name string) bool { return slices.Contains(openIDScopes, name) }) {
		return nil
	}
	granted := strings.Join(s.names(), " ")
	return &granted
}
