package sandbox

import (
	"compress/gzip"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

const (
	quotaMax        = 10_000
	accountID       = 1_234_567
	maxTokensInPath = 20
)

// wrapper is what every answer of the API is in.
type wrapper struct {
	Items          []any `json:"items"`
	HasMore        bool  `json:"has_more"`
	QuotaMax       int   `json:"quota_max"`
	QuotaRemaining int64 `json:"quota_remaining"`
}

// apiError is an error of the API. Its HTTP status is always 400.
type apiError struct {
	ID      int    `json:"error_id"`
	Name    string `json:"error_name"`
	Message string `json:"error_message"`
}

var (
	errNoMethod      = &apiError{404, "no_method", "no method found with this name"}
	errTokenRequired = &apiError{401, "access_token_required", "pass an access token: Authorization: Bearer …"}
	errInvalidToken  = &apiError{402, "invalid_access_token", "the access token is not valid"}
	errNoScope       = &apiError{403, "access_denied", "the access token lacks the scope read_inbox"}
	errManyTokens    = &apiError{400, "bad_parameter", "at most 20 access tokens"}
	errBadParams     = &apiError{400, "bad_parameter", "the parameters cannot be decoded, or one is given twice"}
)

// writeAPI compresses whatever the client accepts, as Stack Exchange does.
func writeAPI(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	compressor := gzip.NewWriter(w)
	encoder := json.NewEncoder(compressor)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body)
	_ = compressor.Close()
}

// method serves one method of the API.
func (s *Sandbox) method(call func(r *http.Request) ([]any, *apiError)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		if r.Method != http.MethodGet {
			writeAPI(w, http.StatusBadRequest, errNoMethod)
			return
		}
		items, failed := call(r)
		if failed != nil {
			writeAPI(w, http.StatusBadRequest, failed)
			return
		}
		remaining := max(0, quotaMax-s.queries.Add(1))
		writeAPI(w, http.StatusOK, wrapper{Items: items, QuotaMax: quotaMax, QuotaRemaining: remaining})
	}
}

// accessToken is an item of the methods on tokens.
type accessToken struct {
	AccessToken   string   `json:"access_token"`
	AccountID     int      `json:"account_id"`
	ExpiresOnDate int64    `json:"expires_on_date,omitempty"`
	Scope         []string `json:"scope"`
}

func (t token) item() any {
	item := accessToken{AccessToken: t.text, AccountID: accountID, Scope: t.scopes}
	if t.expires() {
		item.ExpiresOnDate = t.issued.Add(tokenLife).Unix()
	}
	return item
}

// onTokens returns the method that does something to the live tokens in the path
// and lists them. Unknown ones are not an error.
func (s *Sandbox) onTokens(do func(token)) func(*http.Request) ([]any, *apiError) {
	return func(r *http.Request) ([]any, *apiError) {
		texts := strings.Split(r.PathValue("tokens"), ";")
		if len(texts) > maxTokensInPath {
			return nil, errManyTokens
		}
		items := []any{}
		for _, text := range texts {
			if t, ok := s.ledger.find(text); ok {
				items = append(items, t.item())
				do(t)
			}
		}
		return items, nil
	}
}

// authenticated returns the token that the request carries.
func (s *Sandbox) authenticated(r *http.Request) (token, *apiError) {
	p, err := parseParams(r.URL.RawQuery)
	if err != nil {
		return token{}, errBadParams
	}
	text := p["access_token"]
	if scheme, bearer, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		text = strings.TrimSpace(bearer)
	}
	if text == "" {
		return token{}, errTokenRequired
	}
	t, ok := s.ledger.find(text)
	if !ok {
		return token{}, errInvalidToken
	}
	return t, nil
}

func (s *Sandbox) me(r *http.Request) ([]any, *apiError) {
	if _, failed := s.authenticated(r); failed != nil {
		return nil, failed
	}
	return []any{map[string]any{
		"account_id": accountID, "user_id": 7_654_321, "user_type": "registered", "reputation": 101,
		"display_name": "Sandbox User", "link": "https://stackoverflow.com/users/7654321/sandbox-user",
	}}, nil
}

func (s *Sandbox) inbox(r *http.Request) ([]any, *apiError) {
	t, failed := s.authenticated(r)
	switch {
	case failed != nil:
		return nil, failed
	case !slices.Contains(t.scopes, "read_inbox"):
		return nil, errNoScope
	}
	return []any{}, nil
}

func noMethod(*http.Request) ([]any, *apiError) { return nil, errNoMethod }
