package stackexchange

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/pattern"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// The API's error ids, by https://api.stackexchange.com/docs/error-handling.
const (
	ErrorTokenRequired = 401
	ErrorInvalidToken  = 402
	ErrorDenied        = 403
	ErrorKeyRequired   = 405
	ErrorCompromised   = 406
	errorInternal      = 500 // and above: the API's own trouble
	errorThrottled     = 502
)

// IsToken reports whether Stack Exchange could have issued a token. Others never
// become part of a path.
func IsToken(text string) bool {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789()*"
	return text != "" && len(text) <= secret.MaxReceived && strings.Trim(text, alphabet) == ""
}

// TokenInfo is what Stack Exchange says about a token. Its texts can be shown.
type TokenInfo struct {
	AccountID   int64
	DisplayName string // on Stack Overflow; "" if it is not known
	Scopes      []string
	Expires     time.Time // zero if it never does
}

// Inspect returns what Stack Exchange says about a token. ok is false if the
// token is unknown or not valid any more. Errors are those of
// [Client.Invalidate].
func (c *Client) Inspect(ctx context.Context, token secret.Text) (info TokenInfo, ok bool, err error) {
	items, err := c.callAPI(ctx, MethodInspect, token, "", "access-tokens", url.PathEscape(token.Reveal()))
	if err != nil {
		return TokenInfo{}, false, fmt.Errorf("inspect a token: %w", err)
	}
	if len(items) == 0 {
		return TokenInfo{}, false, nil
	}
	info = TokenInfo{AccountID: int64(items[0].AccountID)}
	for _, scope := range items[0].Scope {
		info.Scopes = append(info.Scopes, display.Clean(scope))
	}
	if seconds := items[0].ExpiresOnDate; seconds != 0 {
		info.Expires = time.Unix(int64(seconds), 0)
	}
	info.DisplayName = c.displayName(ctx, token)
	return info, true, nil
}

// displayName returns the user's name on Stack Overflow, or on the only site that
// an API of Stack Internal has. It is a courtesy: the rest is true without it.
func (c *Client) displayName(ctx context.Context, token secret.Text) string {
	me, err := c.callAPI(ctx, MethodInspect, token, "site=stackoverflow", "me")
	if isRefused(err) && !c.IsPublic() {
		me, err = c.callAPI(ctx, MethodInspect, token, "", "me")
	}
	if err != nil || len(me) == 0 {
		return ""
	}
	return display.Clean(html.UnescapeString(me[0].DisplayName))
}

// Invalidate ends a token's life at once, and reports whether it had one. A
// token that is unknown or not valid any more is not an error, and one that Stack
// Exchange cannot have issued causes no call. The error is a [*RefusedError],
// wraps [ErrUnavailable], or wraps that of Allow; after the second the token may or
// may not live on.
func (c *Client) Invalidate(ctx context.Context, token secret.Text) (ended bool, err error) {
	path := []string{"access-tokens", url.PathEscape(token.Reveal()), "invalidate"}
	items, err := c.callAPI(ctx, MethodInvalidate, token, "", path...)
	if err != nil {
		return false, fmt.Errorf("invalidate a token: %w", err)
	}
	return len(items) > 0, nil
}

// item is an item of the API's methods that are called here.
type item struct {
	AccountID     number `json:"account_id"`
	ExpiresOnDate number `json:"expires_on_date"` // absent if never
	Scope         words  `json:"scope"`
	DisplayName   string `json:"display_name"` // HTML
}

// callAPI calls a method of the API with a token. The path is escaped. There are
// no items for a token that is not valid.
func (c *Client) callAPI(
	ctx context.Context, m Method, token secret.Text, query string, path ...string,
) (items []item, err error) {
	if !IsToken(token.Reveal()) {
		return nil, nil
	}
	l := call{
		method: http.MethodGet, url: c.api.JoinPath(path...), bearer: token, secrets: []secret.Text{token},
		private: !c.IsPublic(),
	}
	l.url.RawQuery = query
	err = c.do(ctx, m, l, func(a answer) (refused bool, err error) {
		items, err = a.items()
		return err == nil && len(items) == 0 || isRefused(err), err
	})
	return items, err
}

// items judges by the body: an error has an id, everything else has items, of
// which there are none for an unknown token.
func (a answer) items() (items []item, err error) {
	var id int
	switch a.Status {
	case http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
	default:
		return nil, a.unexpected()
	}
	if raw := a.fields["error_id"]; raw != nil && json.Unmarshal(raw, &id) == nil {
		return nil, a.apiError(id)
	}
	if a.Status != http.StatusOK || json.Unmarshal(a.fields["items"], &items) != nil || items == nil {
		return nil, a.unexpected()
	}
	return items, nil
}

// apiError is the error for an error_id; nil if the token is not valid.
func (a answer) apiError(id int) error {
	name, message := a.fields.text("error_name"), a.fields.text("error_message")
	if err := a.outage(id, name, message); err != nil {
		return err
	}
	if a.isDead(id, message) {
		return nil
	}
	return a.refused(id, name, message)
}

// isDead reports whether an error says that the token is not valid. For many that
// are not, the API says that access is denied; so may whatever blocks an address,
// and not with the API's status, which is 400, or 200 in JSONP.
func (a answer) isDead(id int, message string) bool {
	switch id {
	case ErrorInvalidToken, ErrorCompromised:
		return true
	case ErrorDenied:
		ofAPI := a.Status == http.StatusBadRequest || a.Status == http.StatusOK
		return strings.Contains(strings.ToLower(message), "token") || ofAPI && !blocked().MatchString(message)
	}
	return false
}

var blocked = pattern.Lazy(`(?i)\bIP\b|blocked|banned`)
