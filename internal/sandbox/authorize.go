package sandbox

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// grantType is one of the two ways to authorize.
type grantType struct {
	name string
	path string
	code bool
}

var (
	implicitGrant = grantType{name: "implicit", path: "/sandbox/oauth/dialog"}
	codeGrant     = grantType{name: "code", path: "/sandbox/oauth", code: true}
)

// authorization is a checked authorization request (RFC 6749 §4.1.1, §4.2.1).
type authorization struct {
	grantType   grantType
	clientID    string
	scope       string
	redirectURI string
	state       string
	hasState    bool
	challenge   string
	switches    Switches
}

var authorizationParams = names("client_id", "scope", "redirect_uri", "state", "code_challenge", "code_challenge_method", "decision")

func wantedOfAuthorization(name string) bool {
	return authorizationParams(name) || strings.HasPrefix(name, switchPrefix)
}

// authorize serves the consent page and takes the decision made on it.
func (s *Sandbox) authorize(g grantType) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := authorizationRequest(w, r)
		if err != nil {
			writeProblem(w, problem{statusOf(err), "Bad request", err.Error()})
			return
		}
		a, err := s.check(g, p)
		if err != nil {
			// Who cannot be trusted is not redirected to (RFC 6749 §4.1.2.1).
			writeProblem(w, problem{http.StatusBadRequest, "Bad authorization request", err.Error()})
			return
		}
		decision := a.switches.Decision
		if r.Method == http.MethodPost {
			decision = p["decision"]
		}
		s.decide(w, r, a, decision)
	}
}

// authorizationRequest reads the parameters: of the query, or of the form on
// the consent page.
func authorizationRequest(w http.ResponseWriter, r *http.Request) (params, error) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return parseParams(r.URL.RawQuery, wantedOfAuthorization)
	case http.MethodPost:
		if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
			return nil, errors.New("the decision must be made on the consent page itself")
		}
		return formParams(w, r, wantedOfAuthorization)
	}
	return nil, errors.New("use GET")
}

func (s *Sandbox) check(g grantType, p params) (authorization, error) {
	a := authorization{
		grantType: g, clientID: p["client_id"], scope: p["scope"], redirectURI: p["redirect_uri"], state: p["state"],
		challenge: p["code_challenge"],
	}
	_, a.hasState = p["state"]
	id, err := strconv.ParseUint(a.clientID, 10, 32)
	if err != nil || id == 0 {
		return a, errors.New("client_id must be the number of an app")
	}
	host, err := redirectHost(a.redirectURI)
	if err != nil {
		return a, err
	}
	if s.config.Domain != nil {
		domain := s.config.Domain(a.clientID)
		if domain == "" {
			return a, errors.New("there is no app with this client_id")
		}
		if !underDomain(host, domain) {
			return a, errors.New("redirect_uri is not under the app's OAuth domain, which is " + domain)
		}
	}
	if len(a.scope) > maxScope {
		return a, errors.New("scope is too long")
	}
	if err := checkChallenge(g, p); err != nil {
		return a, err
	}
	a.switches, err = s.config.Defaults.override(p)
	return a, err
}

func checkChallenge(g grantType, p params) error {
	challenge, method := p["code_challenge"], p["code_challenge_method"]
	switch {
	case !g.code, challenge == "" && method == "":
		return nil
	case method != "S256":
		return errors.New("code_challenge_method must be S256")
	case len(challenge) != 43:
		return errors.New("code_challenge must be the 43 characters of a base64url SHA-256")
	}
	return nil
}

func (s *Sandbox) decide(w http.ResponseWriter, r *http.Request, a authorization, decision string) {
	switch decision {
	case DecisionApprove:
		s.approve(w, a)
	case DecisionDeny:
		deliver(w, a, pair{"error", "access_denied"}, pair{"error_description", "The user denied the request."})
	default:
		if r.Method == http.MethodPost {
			writeProblem(w, problem{http.StatusBadRequest, "Bad request", "decision must be approve or deny"})
			return
		}
		writeConsent(w, a, s.ledger.consented(a.clientID))
	}
}

func (s *Sandbox) approve(w http.ResponseWriter, a authorization) {
	g := grant{clientID: a.clientID, scopes: parseScope(a.scope)}
	if a.grantType.code {
		text, err := s.ledger.issueCode(code{grant: g, redirectURI: a.redirectURI, challenge: a.challenge})
		if err != nil {
			writeProblem(w, problem{http.StatusServiceUnavailable, "Full", err.Error()})
			return
		}
		deliver(w, a, pair{"code", text})
		return
	}
	t, err := s.ledger.issueToken(g)
	if err != nil {
		writeProblem(w, problem{http.StatusServiceUnavailable, "Full", err.Error()})
		return
	}
	response := []pair{{"access_token", t.text}}
	if g.expires() {
		response = append(response, pair{"expires", strconv.Itoa(int(tokenLife.Seconds()))})
	}
	deliver(w, a, response...)
}
