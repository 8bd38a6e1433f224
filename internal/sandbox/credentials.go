package sandbox

import (
	"cmp"
	"net/http"
	"strings"
)

// credentials are what identifies the user and the app to the API. Each may be
// missing.
type credentials struct{ token, key string }

// credentials reads those of a request: from its headers, the form in the body of
// a POST, and, until 2025, its query. The headers count first.
func (s *Sandbox) credentials(r *http.Request, query, form params) (credentials, *apiError) {
	inHeader := s.inHeader(r)
	inForm := credentials{form["access_token"], form["key"]}
	inQuery := credentials{query["access_token"], query["key"]}
	c := credentials{
		token: cmp.Or(inHeader.token, inForm.token, inQuery.token),
		key:   cmp.Or(inHeader.key, inForm.key, inQuery.key),
	}
	switch {
	case s.config.Era == Era2026 && inQuery != credentials{}:
		return credentials{}, errInQuery
	case s.config.Era == Era2025 && inHeader.token == "" && c.token != "" && c.key == "":
		return credentials{}, errKeyRequired
	}
	return c, nil
}

func (s *Sandbox) inHeader(r *http.Request) credentials {
	var c credentials
	if s.config.Internal {
		c = credentials{r.Header.Get("X-API-Access-Token"), r.Header.Get("X-API-Key")}
	}
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	text = strings.TrimSpace(text)
	switch {
	case !strings.EqualFold(scheme, "Bearer") || text == "":
	case isKey(text):
		c.key = text
	default:
		c.token = text
	}
	return c
}

// isKey reports whether text is an API key, by its looks: old ones end in ((,
// and those made since 2025 begin with rl_.
func isKey(text string) bool { return strings.HasPrefix(text, "rl_") || strings.HasSuffix(text, "((") }
