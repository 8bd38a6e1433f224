package stackexchange

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

// The API's error ids, by https://api.stackexchange.com/docs/error-handling.
const (
	errorInvalidToken = 402
	errorDenied       = 403
	errorCompromised  = 406
	errorInternal     = 500 // and above: the API's own troubles
)

// Invalidate ends a token's life at once, and reports whether it had one. A
// token that is unknown or not valid any more is no error, and one that Stack
// Exchange cannot have issued causes no call. The error is a [*RefusedError],
// wraps [ErrUnavailable], or wraps Admit's; after the second the token may or
// may not live on.
func (c *Client) Invalidate(ctx context.Context, token secret.Text) (ended bool, err error) {
	if !issuable(token.Reveal()) {
		return false, nil
	}
	if ended, err = c.invalidate(ctx, token); err != nil {
		return false, fmt.Errorf("invalidate a token: %w", err)
	}
	return ended, nil
}

func (c *Client) invalidate(ctx context.Context, token secret.Text) (ended bool, err error) {
	l := call{
		method:  http.MethodGet,
		url:     c.api.JoinPath("access-tokens", url.PathEscape(token.Reveal()), "invalidate"),
		bearer:  token,
		secrets: []secret.Text{token},
	}
	err = c.do(ctx, MethodInvalidate, l, func(a answer) (vain bool, err error) {
		switch a.status {
		case http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
			ended, err = a.invalidated(l.secrets)
			return err == nil && !ended || isRefused(err), err
		}
		return false, a.unexpected()
	})
	return ended, err
}

// invalidated judges by the body: an error has an id, all else has items, of
// which there are none for an unknown token.
func (a answer) invalidated(secrets []secret.Text) (ended bool, err error) {
	id, failed := a.errorID()
	var items []json.RawMessage
	switch {
	case !failed && a.status == http.StatusOK && json.Unmarshal(a.fields["items"], &items) == nil && items != nil:
		return len(items) > 0, nil
	case !failed:
		return false, a.unexpected()
	case id >= errorInternal:
		return false, unavailable(fmt.Sprintf("status %d, error_id %d", a.status, id))
	case a.status == http.StatusBadRequest && gone(id):
		return false, nil
	}
	return false, refused(a.fields.text("error_name"), a.fields.text("error_message"), secrets)
}

func (a answer) errorID() (id int, ok bool) {
	raw := a.fields["error_id"]
	ok = raw != nil && json.Unmarshal(raw, &id) == nil
	return id, ok
}

func gone(id int) bool {
	return id == errorInvalidToken || id == errorDenied || id == errorCompromised
}

// issuable reports whether Stack Exchange could have issued token. Others
// never become part of a path.
func issuable(token string) bool {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789()*"
	return token != "" && len(token) <= secret.MaxReceived && strings.Trim(token, alphabet) == ""
}
