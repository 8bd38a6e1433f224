package stackexchange

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/desktop-stack-serv/dss/internal/relay"
)

// The API's error ids, by https://api.stackexchange.com/docs/error-handling.
const (
	errorInvalidToken = 402
	errorDenied       = 403
	errorCompromised  = 406
	errorInternal     = 500 // and above: the API's own troubles
)

// Invalidate ends a token's life at once. A token that is unknown or not valid
// any more is no error. The error is a [*RefusedError] or wraps
// [ErrUnavailable]; after the latter the token may or may not live on.
func (c *Client) Invalidate(ctx context.Context, token relay.Secret) error {
	if !issuable(token.Reveal()) {
		return nil
	}
	if err := c.invalidate(ctx, token); err != nil {
		return fmt.Errorf("invalidate a token: %w", err)
	}
	return nil
}

func (c *Client) invalidate(ctx context.Context, token relay.Secret) (err error) {
	secrets := []relay.Secret{token}
	var a answer
	defer func(started time.Time) { c.observed(MethodInvalidate, started, a, err) }(time.Now())
	a, err = c.do(ctx, call{
		method:  http.MethodGet,
		url:     c.api.JoinPath("access-tokens", url.PathEscape(token.Reveal()), "invalidate"),
		bearer:  token,
		pause:   &c.pause,
		secrets: secrets,
	})
	if err != nil {
		return err
	}
	switch a.status {
	case http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		return a.invalidated(secrets)
	}
	return a.unexpected()
}

// invalidated judges by the body: an error has an id, all else has items, of
// which there are none for an unknown token.
func (a answer) invalidated(secrets []relay.Secret) error {
	id, failed := a.errorID()
	switch {
	case !failed && a.status == http.StatusOK && bytes.HasPrefix(a.fields["items"], []byte("[")):
		return nil
	case !failed:
		return a.unexpected()
	case id >= errorInternal:
		return unavailable(fmt.Sprintf("status %d, error_id %d", a.status, id))
	case a.status == http.StatusBadRequest && gone(id):
		return nil
	}
	return refused(a.fields.text("error_name"), a.fields.text("error_message"), secrets)
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
	if token == "" || len(token) > relay.MaxTokenLength {
		return false
	}
	for _, c := range []byte(token) {
		if !inToken(c) {
			return false
		}
	}
	return true
}

func inToken(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '(' || c == ')' || c == '*'
}
