package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"
)

// tokenError is an error of the token endpoints. Stack Exchange nests it, unlike
// RFC 6749 section 5.2.
type tokenError struct {
	status        int
	kind, message string
}

func writeTokenError(w http.ResponseWriter, e tokenError) {
	type inner struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	writeJSON(w, e.status, map[string]inner{"error": {e.kind, e.message}})
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
	_, _ = w.Write([]byte(encode(t.response())))
}

func writeTokenJSON(w http.ResponseWriter, t token) {
	answer := map[string]any{"access_token": t.text}
	if t.expires() {
		answer["expires"] = int(tokenLife.Seconds())
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
			writeTokenError(w, tokenError{http.StatusMethodNotAllowed, "invalid_request", "use POST"})
			return
		}
		t, failed := s.redeem(w, r)
		if failed != nil {
			writeTokenError(w, *failed)
			return
		}
		write(w, t)
	}
}

func (s *Sandbox) redeem(w http.ResponseWriter, r *http.Request) (token, *tokenError) {
	p, err := formParams(w, r)
	if err != nil {
		return token{}, &tokenError{http.StatusBadRequest, "invalid_request", err.Error()}
	}
	for _, name := range []string{"client_id", "code", "redirect_uri"} {
		if p[name] == "" {
			return token{}, &tokenError{http.StatusBadRequest, "invalid_request", name + " not provided"}
		}
	}
	t, err := s.ledger.redeem(p)
	switch {
	case errors.Is(err, errFull):
		return token{}, &tokenError{http.StatusServiceUnavailable, "temporarily_unavailable", err.Error()}
	case err != nil:
		return token{}, &tokenError{http.StatusBadRequest, "invalid_request", err.Error()}
	}
	return t, nil
}
