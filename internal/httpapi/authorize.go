package httpapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/oauth"
)

// getAuthorize serves GET /oauth/authorize (RFC 6749 section 4.1.1).
func (s *Server) getAuthorize(w http.ResponseWriter, r *http.Request) {
	if err := navigates(r); err != nil {
		s.fail(w, r, err)
		return
	}
	if s.toPublicHost(w, r) {
		return
	}
	app, err := readParams("query", r.URL.RawQuery, "client_id", "redirect_uri")
	switch {
	case err != nil:
	case prefetched(r):
		err = errPrefetch
	default:
		err = checkClient(app)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	// From here on the app is known well enough to be told what is wrong.
	target, err := s.authorize(w, r)
	if err != nil {
		p := s.explain(r, err)
		name, _ := p.oauth()
		target, err = s.grants.RedirectError(app["redirect_uri"], stateIn(r.URL.RawQuery), name, p.message())
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	seeOther(w, target)
}

// stateIn returns the state that an app knows its request by, even if it is
// repeated, in which case it is the first, or undecodable, in which case it is
// as it was written.
func stateIn(query string) string {
	for pair := range strings.SplitSeq(query, "&") {
		if nameIn(pair) != "state" {
			continue
		}
		if _, value, err := parsePair(pair); err == nil {
			return value
		}
		_, value, _ := strings.Cut(pair, "=")
		return value
	}
	return ""
}

func checkClient(p params) error {
	err := oauth.CheckClient(p["client_id"], p["redirect_uri"])
	if errors.Is(err, oauth.ErrInvalidClient) {
		return &problem{name: api.BadClient} // no app is told of it
	}
	return err
}

func (s *Server) authorize(w http.ResponseWriter, r *http.Request) (string, error) {
	p, err := readParams("query", r.URL.RawQuery, "response_type", "response_mode", "client_id", "redirect_uri", "scope",
		"state", "code_challenge", "code_challenge_method")
	switch {
	case err != nil:
		return "", err
	case p["response_type"] == "":
		return "", missing("response_type")
	case p["response_type"] != "code":
		return "", &problem{name: api.UnsupportedResponseType}
	case p["response_mode"] != "" && p["response_mode"] != "query":
		return "", invalid("response_mode must be query")
	case p["code_challenge"] == "":
		return "", invalid("code_challenge is missing: this server needs PKCE (RFC 7636)")
	case p["code_challenge_method"] != "S256":
		return "", invalid("code_challenge_method must be S256")
	}
	n := s.newcomer(r)
	target, err := s.grants.Authorize(r.Context(), oauth.AuthorizationRequest{
		ClientID: p["client_id"], RedirectURI: p["redirect_uri"], Scope: p["scope"], State: p["state"],
		CodeChallenge: p["code_challenge"],
	}, n.browser)
	if err == nil {
		s.keep(w, r, n)
	}
	return target, err
}
