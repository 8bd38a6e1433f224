package sandbox

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// grantType is one of the two ways to authorize.
type grantType struct {
	path string
	code bool
}

var (
	implicitGrant = grantType{path: "/sandbox/oauth/dialog"}
	codeGrant     = grantType{path: "/sandbox/oauth", code: true}
)

// authorization is a checked authorization request (RFC 6749 sections 4.1.1
// and 4.2.1).
type authorization struct {
	grantType grantType
	params    params
	options   options
	host      string // of the redirect URI
	own       string // the sandbox's host
}

// authorize serves the consent page and takes the decision made on it.
func (s *Sandbox) authorize(g grantType) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := authorizationRequest(w, r)
		if err != nil {
			writeProblem(w, problem{statusOf(err), "Bad request", err.Error()})
			return
		}
		a := authorization{grantType: g, params: p, own: s.registry.ownHost(r)}
		if a.options, err = s.switches.of(p); err != nil {
			writeProblem(w, problem{http.StatusBadRequest, "Bad request", err.Error()})
			return
		}
		if a.host, err = a.check(s.registry.find(p["client_id"], r)); err != nil {
			writeFailure(w, err)
			return
		}
		s.decide(w, r, a)
	}
}

// authorizationRequest reads the parameters: of the query, or of the form on
// the consent page.
func authorizationRequest(w http.ResponseWriter, r *http.Request) (params, error) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return parseParams(r.URL.RawQuery)
	case http.MethodPost:
		return pageForm(w, r)
	}
	return nil, errors.New("use GET")
}

func (s *Sandbox) decide(w http.ResponseWriter, r *http.Request, a authorization) {
	made := a.options[switchDecision]
	if r.Method == http.MethodPost {
		made = a.params["decision"]
	}
	before, ok := s.ledger.consented(a.params["client_id"])
	if made == "once" && ok && before.covers(a.params["scope"]) {
		made = "approve"
	}
	switch made {
	case "approve":
		s.approve(w, r, a, before)
	case "deny":
		s.deliver(w, r, a, pair{"error", "access_denied"}, pair{"error_description", "The user denied the request."})
	default:
		if r.Method == http.MethodPost {
			writeProblem(w, problem{http.StatusBadRequest, "Bad request", "decision must be approve or deny"})
			return
		}
		s.writeConsent(w, r, a, ok)
	}
}

// covers reports whether the user has approved all that scope names. Nobody
// has said whether Stack Exchange asks again for more; the sandbox does.
func (c consent) covers(scope string) bool {
	return !slices.ContainsFunc(parseScope(scope), func(name string) bool { return !slices.Contains(c.asked, name) })
}

func (s *Sandbox) approve(w http.ResponseWriter, r *http.Request, a authorization, before consent) {
	g := grant{clientID: a.params["client_id"], asked: parseScope(a.params["scope"]), life: tokenLife}
	if a.options[switchExpires] == "86399" {
		g.life -= time.Second
	}
	var err error
	if g.scopes, err = s.granted(a, before); err != nil {
		writeProblem(w, problem{http.StatusBadRequest, "Bad request", err.Error()})
		return
	}
	response, err := s.issue(a, g)
	if err != nil {
		writeProblem(w, problem{http.StatusServiceUnavailable, "Full", err.Error()})
		return
	}
	s.deliver(w, r, a, response...)
}

// issue returns the response with a code or a token.
func (s *Sandbox) issue(a authorization, g grant) ([]pair, error) {
	if a.grantType.code {
		text, err := s.ledger.issueCode(code{
			grant: g, redirectURI: a.params["redirect_uri"], challenge: a.params["code_challenge"],
		})
		return []pair{{"code", text}}, err
	}
	t, err := s.ledger.issueToken(g)
	response := t.response()
	if len(g.scopes) > 0 && a.options[switchScope] == "1" {
		response = append(response, pair{"scope", strings.Join(g.scopes, " ")})
	}
	return response, err
}
