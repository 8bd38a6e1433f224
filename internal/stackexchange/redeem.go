package stackexchange

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

// Redemption is an access token request of a public client (RFC 6749 section 4.1.3,
// RFC 7636 section 4.5). RedirectURI is that of the authorization request.
type Redemption struct {
	ClientID, RedirectURI string
	Code, Verifier        secret.Text
}

// Token is an access token.
type Token struct {
	AccessToken secret.Text
	// Expires is how long it lives from now; 0 means that it never expires.
	Expires time.Duration
	// Scope is what it allows, as Stack Exchange says it; nil if it does not.
	Scope *string
}

// Redeem turns a code into a token. A code works once: after an error that wraps
// [ErrUnavailable] but not [ErrUnsent] it may be used up. The error is a
// [*RefusedError], wraps [ErrUnavailable], or wraps that of Allow.
func (c *Client) Redeem(ctx context.Context, r Redemption) (token Token, err error) {
	l := call{
		method: http.MethodPost,
		url:    c.base.JoinPath("oauth/access_token/json"),
		form: url.Values{
			"client_id":     {r.ClientID},
			"redirect_uri":  {r.RedirectURI},
			"code":          {r.Code.Reveal()},
			"code_verifier": {r.Verifier.Reveal()},
		},
		secrets: []secret.Text{r.Code, r.Verifier},
	}
	err = c.do(ctx, MethodRedeem, l, func(a answer) (refused bool, err error) {
		switch a.Status {
		case http.StatusOK:
			token, err = a.token()
			return false, err
		case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
			err = a.refusal()
			return isRefused(err), err
		}
		return false, a.unexpected()
	})
	if err != nil {
		return Token{}, fmt.Errorf("redeem a code: %w", err)
	}
	return token, nil
}

func (a answer) token() (Token, error) {
	token, err := secret.Parse("access token", a.fields.text("access_token"))
	if err != nil {
		return Token{}, a.unexpected()
	}
	seconds, ok := wholeSeconds(a.fields["expires"])
	if !ok {
		return Token{}, a.unexpected()
	}
	var scope *string
	if json.Unmarshal(a.fields["scope"], &scope) != nil {
		scope = nil
	}
	return Token{token, seconds, scope}, nil
}

// wholeSeconds reads a JSON integer or a string of digits. An absent value or
// null is 0.
func wholeSeconds(raw json.RawMessage) (time.Duration, bool) {
	digits := string(raw)
	if digits == "" || digits == "null" {
		return 0, true
	}
	if digits[0] == '"' && json.Unmarshal(raw, &digits) != nil {
		return 0, false
	}
	seconds, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || seconds > uint64(math.MaxInt64/time.Second) {
		return 0, false
	}
	return time.Duration(seconds) * time.Second, true
}

// refusal reads the nested error of Stack Exchange, or the flat one of
// RFC 6749 section 5.2.
func (a answer) refusal() error {
	kind, message := a.fields.text("error"), a.fields.text("error_description")
	if nested := parseObject(a.fields["error"]); nested != nil {
		kind, message = nested.text("type"), nested.text("message")
	}
	if kind == "" && message == "" {
		return a.unexpected()
	}
	return a.refused(a.Status, kind, message)
}
