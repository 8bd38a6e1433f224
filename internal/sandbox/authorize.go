package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/secret"
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
	host      string // of the redirect URI
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
			// The redirect URI may be an attacker's (RFC 6749 section 4.1.2.1).
			writeProblem(w, problem{http.StatusBadRequest, "Bad authorization request", err.Error()})
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
		if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
			return nil, errors.New("the decision must be made on the consent page itself")
		}
		return formParams(w, r)
	}
	return nil, errors.New("use GET")
}

func (s *Sandbox) check(g grantType, p params) (authorization, error) {
	a := authorization{grantType: g, params: p}
	id, err := strconv.ParseUint(p["client_id"], 10, 32)
	if err != nil || id == 0 {
		return a, errors.New("client_id must be the number of an app")
	}
	if a.host, err = redirectHost(p["redirect_uri"]); err != nil {
		return a, err
	}
	if s.config.Domain != nil {
		domain := s.config.Domain(p["client_id"])
		if domain == "" {
			return a, errors.New("there is no app with this client_id")
		}
		if !underDomain(a.host, domain) {
			return a, errors.New("redirect_uri is not under the app's OAuth domain, which is " + domain)
		}
	}
	if len(p["scope"]) > maxScope {
		return a, errors.New("scope is too long")
	}
	if err := checkChallenge(g, p); err != nil {
		return a, err
	}
	return a, checkSwitches(p)
}

// maxRedirectURI bounds a redirect URI, in bytes.
const maxRedirectURI = 2000

// redirectHost returns the canonical host of a redirect URI, without its port.
// It accepts only what every browser reads the same way.
func redirectHost(uri string) (string, error) {
	if uri == "" {
		return "", errors.New("redirect_uri is missing")
	}
	if len(uri) > maxRedirectURI || strings.ContainsFunc(uri, notInURI) {
		return "", errors.New("redirect_uri is too long, or has a fragment or characters that no URI has")
	}
	address, _, _ := strings.Cut(uri, "?")
	u, err := origin.Parse(address)
	if err != nil {
		return "", fmt.Errorf("redirect_uri is not good: %w", err)
	}
	return u.Hostname(), nil
}

func notInURI(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("#\"<>\\^`{|}", r)
}

// underDomain reports whether host is domain or a subdomain of it.
func underDomain(host, domain string) bool {
	domain = strings.ToLower(domain)
	return host == domain || strings.HasSuffix(host, "."+domain)
}

func checkChallenge(g grantType, p params) error {
	challenge, method := p["code_challenge"], p["code_challenge_method"]
	switch {
	case !g.code, challenge == "" && method == "":
		return nil
	case method != "S256":
		return errors.New("code_challenge_method must be S256")
	case !secret.IsS256(challenge):
		return errors.New("code_challenge must be the 43 characters of a base64url SHA-256")
	}
	return nil
}

func (s *Sandbox) decide(w http.ResponseWriter, r *http.Request, a authorization) {
	decision := a.params["sandbox_decision"]
	if r.Method == http.MethodPost {
		decision = a.params["decision"]
	}
	switch decision {
	case "approve":
		s.approve(w, a)
	case "deny":
		deliver(w, a, pair{"error", "access_denied"}, pair{"error_description", "The user denied the request."})
	default:
		if r.Method == http.MethodPost {
			writeProblem(w, problem{http.StatusBadRequest, "Bad request", "decision must be approve or deny"})
			return
		}
		writeConsent(w, a, s.ledger.consented(a.params["client_id"]))
	}
}

func (s *Sandbox) approve(w http.ResponseWriter, a authorization) {
	response, err := s.issue(a)
	if err != nil {
		writeProblem(w, problem{http.StatusServiceUnavailable, "Full", err.Error()})
		return
	}
	deliver(w, a, response...)
}

// issue returns the response with a code or a token.
func (s *Sandbox) issue(a authorization) ([]pair, error) {
	g := grant{clientID: a.params["client_id"], scopes: parseScope(a.params["scope"])}
	if !a.grantType.code {
		t, err := s.ledger.issueToken(g)
		return t.response(), err
	}
	text, err := s.ledger.issueCode(code{
		grant: g, redirectURI: a.params["redirect_uri"], challenge: a.params["code_challenge"],
	})
	return []pair{{"code", text}}, err
}
