package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"
)

// writeTokenError answers with an error of the token endpoints. Stack Exchange
// nests it, unlike RFC 6749 section 5.2.
func writeTokenError(w http.ResponseWriter, status int, kind, message string) {
	type inner struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	writeJSON(w, status, map[string]inner{"error": {kind, message}})
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
			writeTokenError(w, http.StatusMethodNotAllowed, "invalid_request", "use POST")
			return
		}
		t, err := s.redeem(w, r)
		switch {
		case errors.Is(err, errFull):
			writeTokenError(w, http.StatusServiceUnavailable, "temporarily_unavailable", err.Error())
		case err != nil:
			writeTokenError(w, http.StatusBadRequest, "invalid_request", err.Error())
		default:
			write(w, t)
		}
	}
}

func (s *Sandbox) redeem(w http.ResponseWriter, r *http.Request) (token, error) {
	p, err := formParams(w, r)
	if err != nil {
		return token{}, err
	}
	for _, name := range []string{"client_id", "code", "redirect_uri"} {
		if p[name] == "" {
			return token{}, errors.New(name + " not provided")
		}
	}
	return s.ledger.redeem(p)
}
