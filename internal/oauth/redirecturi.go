package oauth

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/pattern"
)

const maxRedirectURI = 2000 // bytes

var (
	// loopbackURI is the only form of a loopback redirect URI (RFC 8252
	// section 7.3): parts that url.Parse might read in another way than a
	// browser does are not in it.
	loopbackURI = pattern.Lazy(`^(http://(?:127\.0\.0\.1|\[::1\]|localhost)(?::([0-9]+))?(?:/[^?#]*)?)` +
		`(?:\?([^#]*))?$`)
	// privateURI has a scheme with a dot in it (RFC 8252 section 7.1). What
	// follows is an authority without a user, a path, or begins with a letter:
	// a figure would make it a host with a port.
	privateURI = pattern.Lazy(`^([a-zA-Z][a-zA-Z0-9+-]*(?:\.[a-zA-Z0-9+-]+)+:` +
		`(?://[a-zA-Z0-9._-]*(?::[0-9]{1,5})?(?:/[^?#]*)?|/(?:[^/?#][^?#]*)?|[a-zA-Z][^?#@:]*))(?:\?([^#]*))?$`)
	// uriText is what RFC 3986 lets stand in a URI.
	uriText = pattern.Lazy(`^(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$`)
)

// redirectURI is where an app is reached, in two parts.
type redirectURI struct {
	base  string // up to the query
	query string
}

// redirectURI reads the redirect URI of a client: loopback or private-use, or one of
// its targets.
func (s *Service) redirectURI(clientID, text string) (redirectURI, error) {
	if s.isTarget(clientID, text) {
		return redirectURI{base: text}, nil
	}
	return parseRedirectURI(text)
}

// isTarget reports whether a redirect URI is one that only this client may use, and
// whose user is asked before the code goes there.
func (s *Service) isTarget(clientID, redirectURI string) bool {
	return s.config.Target != nil && s.config.Target(clientID, redirectURI)
}

// parseRedirectURI accepts loopback and private-use URIs, to which an
// authorization response can be added.
func parseRedirectURI(text string) (redirectURI, error) {
	bad := func(why string) (redirectURI, error) {
		return redirectURI{}, fmt.Errorf("%w: %s", ErrInvalidRedirectURI, why)
	}
	switch {
	case text == "":
		return bad("it is missing")
	case len(text) > maxRedirectURI:
		return bad("it is too long")
	case strings.Contains(text, "#"):
		return bad("it has a fragment")
	case !uriText().MatchString(text):
		return bad("it has characters that no URI may have")
	}
	var u redirectURI
	if match := loopbackURI().FindStringSubmatch(text); match != nil {
		if !goodPort(match[2]) {
			return bad("its port is not a number from 1 to 65535")
		}
		u = redirectURI{match[1], match[3]}
	} else if match := privateURI().FindStringSubmatch(text); match != nil {
		u = redirectURI{match[1], match[2]}
	} else {
		return bad("it must be http on 127.0.0.1, [::1] or localhost, or have a private-use scheme with a dot in it, " +
			"or the operator must have listed exactly this one for this client_id")
	}
	if slices.ContainsFunc(u.names(), isResponseName) {
		return bad("its query has a name that belongs to the response: code, state, iss or error")
	}
	return u, nil
}

func goodPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || (err == nil && n > 0 && port[0] != '0')
}

// names returns the names in the query, as whatever an app is written in may
// read them: after a semicolon too, without spaces and controls around them,
// and without brackets behind them.
func (u redirectURI) names() []string {
	var names []string
	for _, pair := range strings.FieldsFunc(u.query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, _, _ := strings.Cut(pair, "=")
		name, _ = url.QueryUnescape(name) // uriText lets no bad escape through
		name, _, _ = strings.Cut(name, "[")
		names = append(names, strings.TrimFunc(name, func(r rune) bool { return r <= ' ' }))
	}
	return names
}

func isResponseName(name string) bool {
	return slices.ContainsFunc([]string{"code", "state", "iss", "error"}, func(ours string) bool {
		return strings.EqualFold(ours, name)
	})
}

// with returns the address that brings an authorization response to the app.
func (u redirectURI) with(response url.Values) string {
	query := u.query
	if query != "" && !strings.HasSuffix(query, "&") {
		query += "&"
	}
	return u.base + "?" + query + response.Encode() + noFragment
}
