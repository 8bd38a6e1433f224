package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

// tokenError is an error of the token endpoints, in the form in which Stack Exchange
// has been seen to send it. The HTTP status of Stack Exchange's own is 400.
type tokenError struct {
	form    string // a value of [switchTokenErrors]
	kind    string // its type, in the nested form
	message string
}

func (e tokenError) Error() string { return e.message }

var (
	errNoCode      = tokenError{"flat", "invalid_request", "No authorization code found"}
	errExpiredCode = tokenError{"flat", "invalid_request", "The authorization code has expired"}
	errRedirect    = tokenError{"numbered", "invalid_request", "redirect_uri does not match that of the code"}
	errTokenFull   = tokenError{"nested", "temporarily_unavailable", errFull.Error()}
	errTokenRemote = tokenError{"nested", "access_denied", onlyLoopback}
)

func invalidRequest(message string) tokenError {
	return tokenError{"nested", "invalid_request", message}
}

// writeTokenError answers with an error, in the form that o demands or else in its
// own. None of the forms is that of RFC 6749 section 5.2.
func writeTokenError(w http.ResponseWriter, status int, e tokenError, o options) {
	type inner struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	if form := o[switchTokenErrors]; form != "" && form != "as_seen" {
		e.form = form
	}
	switch e.form {
	case "numbered":
		writeJSON(w, status, map[string]inner{"error": {"2", e.message}})
	case "flat":
		writeJSON(w, status, map[string]string{"error_message": e.message})
	default:
		writeJSON(w, status, map[string]inner{"error": {e.kind, e.message}})
	}
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
}

func writeTokenForm(w http.ResponseWriter, t token) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(encode(t.response(), nil)))
}

func writeTokenJSON(w http.ResponseWriter, t token) {
	answer := map[string]any{"access_token": t.text}
	if t.expires() {
		answer["expires"] = t.seconds()
	}
	writeJSON(w, http.StatusOK, answer)
}

// redemption serves a token endpoint (RFC 6749 section 4.1.3), which answers
// with write.
func (s *Sandbox) redemption(write func(http.ResponseWriter, token)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", "POST")
			writeTokenError(w, http.StatusMethodNotAllowed, invalidRequest("use POST"), nil)
			return
		}
		p, o, err := s.tokenParams(w, r)
		if err != nil {
			writeTokenError(w, http.StatusBadRequest, invalidRequest(err.Error()), nil)
			return
		}
		if blocked(w, o) {
			return
		}
		t, err := s.redeem(p, s.registry.find(p["client_id"], r))
		refused, _ := errors.AsType[tokenError](err)
		switch {
		case errors.Is(err, errFull):
			writeTokenError(w, http.StatusServiceUnavailable, errTokenFull, o)
		case err != nil:
			writeTokenError(w, http.StatusBadRequest, refused, o)
		default:
			write(w, t)
		}
	}
}

// tokenParams reads the parameters: of a form in the body, or of the query if the
// body is none. JSON is not read.
func (s *Sandbox) tokenParams(w http.ResponseWriter, r *http.Request) (p params, o options, err error) {
	p, err = formParams(w, r)
	if errors.Is(err, errNotAForm) || err == nil && len(p) == 0 {
		p, err = parseParams(r.URL.RawQuery)
	}
	if err == nil {
		o, err = s.switches.of(p)
	}
	return p, o, err
}

func (s *Sandbox) redeem(p params, app App) (token, error) {
	for _, name := range []string{"client_id", "code", "redirect_uri"} {
		if p[name] == "" {
			return token{}, invalidRequest(name + " not provided")
		}
	}
	if app.Deleted {
		return token{}, invalidRequest("no application has this client_id")
	}
	return s.ledger.redeem(p, app)
}

// check checks what comes with a code: with PKCE, the verifier (RFC 7636
// section 4.6); of a confidential client, a secret, for which any text will do
// here.
func (c code) check(p params, app App) error {
	verifier, clientSecret := p["code_verifier"], p["client_secret"]
	switch {
	case c.dead():
		return errExpiredCode
	case c.redirectURI != p["redirect_uri"]:
		return errRedirect
	case c.challenge == "" && verifier != "",
		c.challenge != "" && (!secret.IsVerifier(verifier) || secret.S256(secret.New(verifier)) != c.challenge):
		return invalidRequest("code_verifier does not match the code_challenge")
	case c.challenge == "" && clientSecret == "" && app.PKCE:
		return invalidRequest("code was issued without a code_challenge; a public client needs PKCE")
	case clientSecret == "" && !app.PKCE:
		return invalidRequest("client_secret not provided")
	}
	return nil
}
