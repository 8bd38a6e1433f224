package sandbox

import (
	"html"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
)

const (
	accountID       = 1_234_567
	userID          = 7_654_321
	maxTokensInPath = 20
)

// methods returns the methods of the API by their paths.
func (s *Sandbox) methods() map[string]func(call) ([]any, *apiError) {
	return map[string]func(call) ([]any, *apiError){
		"/access-tokens/{tokens}":            s.onTokens(func(token) {}),
		"/access-tokens/{tokens}/invalidate": s.onTokens(s.ledger.invalidate),
		"/apps/{tokens}/de-authenticate":     s.onTokens(s.ledger.deauthenticate),
		"/me":                                me,
		"/inbox":                             inbox,
		"/users":                             users,
		"/users/{ids...}":                    users,
		"/posts/{id}/comments/add":           s.addComment,
		"/errors/{id}":                       simulateError,
		"/":                                  noMethod,
		"":                                   noMethod, // or ServeMux would redirect
	}
}

// accessToken is an item of the methods on tokens.
type accessToken struct {
	AccessToken   string   `json:"access_token"`
	AccountID     int      `json:"account_id"`
	ExpiresOnDate int64    `json:"expires_on_date,omitempty"`
	Scope         []string `json:"scope,omitempty"`
}

func (t token) item() any {
	item := accessToken{AccessToken: t.text, AccountID: accountID, Scope: t.scopes}
	if t.expires() {
		item.ExpiresOnDate = t.issued.Add(t.life).Unix()
	}
	return item
}

// onTokens returns the method that does something to the live tokens in the path
// and lists them. Unknown ones are not an error.
func (s *Sandbox) onTokens(do func(token)) func(call) ([]any, *apiError) {
	return func(c call) ([]any, *apiError) {
		texts := strings.Split(c.PathValue("tokens"), ";")
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

// need returns the error for a call without a token that has a scope; "" is none.
func (c call) need(scope string) *apiError {
	switch {
	case c.dead != nil:
		return c.dead
	case c.token.text == "":
		return errTokenRequired
	case scope != "" && !slices.Contains(c.token.scopes, scope):
		return errNoScope
	}
	return nil
}

var user = map[string]any{
	"account_id": accountID, "user_id": userID, "user_type": "registered", "reputation": 101,
	"display_name": "Sandbox User", "link": "https://stackoverflow.com/users/7654321/sandbox-user",
}

func me(c call) ([]any, *apiError) { return []any{user}, c.need("") }

func inbox(c call) ([]any, *apiError) { return []any{}, c.need("read_inbox") }

// users lists the one user, to everyone.
func users(c call) ([]any, *apiError) {
	ids := strings.Trim(c.PathValue("ids"), "/")
	if ids != "" && !slices.Contains(strings.Split(ids, ";"), strconv.Itoa(userID)) {
		return []any{}, nil
	}
	return []any{user}, c.dead
}

// addComment writes, and forgets what.
func (s *Sandbox) addComment(c call) ([]any, *apiError) {
	if c.Method != http.MethodPost {
		return nil, errNoMethod
	}
	if failed := c.need("write_access"); failed != nil {
		return nil, failed
	}
	switch {
	case !s.registry.find(c.token.clientID, c.Request).Writes:
		return nil, errNoPost
	case c.params["body"] == "":
		return nil, &apiError{400, "bad_parameter", "body"}
	}
	post, err := strconv.ParseUint(c.PathValue("id"), 10, 31)
	if err != nil {
		return nil, &apiError{400, "bad_parameter", "id"}
	}
	return []any{map[string]any{
		"comment_id": 1, "post_id": post, "owner": user, "body": html.EscapeString(c.params["body"]),
	}}, nil
}

// simulateError is the API's own way to see its errors.
func simulateError(c call) ([]any, *apiError) {
	names := map[string]string{
		"400": "bad_parameter", "401": "access_token_required", "402": "invalid_access_token", "403": api.AccessDenied,
		"404": api.NoMethod, "405": "key_required", "406": "access_token_compromised", "407": "write_failed",
		"409": "duplicate_request", "500": api.InternalError, "502": api.ThrottleViolation,
		"503": api.TemporarilyUnavailable,
	}
	id, _ := strconv.Atoi(c.PathValue("id"))
	if name, ok := names[c.PathValue("id")]; ok {
		return nil, &apiError{id, name, "simulated"}
	}
	return nil, errNoMethod
}

func noMethod(call) ([]any, *apiError) { return nil, errNoMethod }
