package stackexchange

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
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
	// Expires is how long it lives from now; 0 means that it never expires, or that
	// this is not known.
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
		token, err = a.token()
		return isRefused(err), err
	})
	if err != nil {
		return Token{}, fmt.Errorf("redeem a code: %w", err)
	}
	return token, nil
}

// token reads the token, or why there is none. Errors have the status 400, and
// 200 in JSONP.
func (a answer) token() (Token, error) {
	switch a.Status {
	case http.StatusOK:
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		return Token{}, a.refusal()
	default:
		return Token{}, a.unexpected()
	}
	fields := a.unwrapped()
	token, err := secret.Parse("access token", fields.text("access_token"))
	if err != nil {
		return Token{}, a.refusal()
	}
	life, ok := a.life(fields)
	if !ok {
		return Token{}, a.unexpected()
	}
	var scope *string
	if json.Unmarshal(fields["scope"], &scope) != nil {
		scope = nil
	}
	return Token{token, life, scope}, nil
}

// unwrapped returns the fields, or those of the only item in the wrapper that
// answers of the API have.
func (a answer) unwrapped() object {
	var items []object
	if a.fields["access_token"] == nil && json.Unmarshal(a.fields["items"], &items) == nil && len(items) == 1 {
		return items[0]
	}
	return a.fields
}

// life reads how long a token lives: expires, or expires_in, as OAuth calls it. One
// example of the vendor takes expires for a point in time, so that is tried first
// with numbers of more than 31 years. It is 0 if neither is there, or if the point
// has passed by the clock of Stack Exchange.
func (a answer) life(fields object) (life time.Duration, ok bool) {
	const long = 1_000_000_000 // seconds
	var seconds number
	for _, name := range []string{"expires", "expires_in"} {
		if seconds == 0 && seconds.UnmarshalJSON(fields[name]) != nil {
			return 0, false
		}
	}
	if left := seconds - number(a.now().Unix()); seconds > long && left < long {
		seconds = max(0, left)
	}
	if seconds < 0 || seconds > number(math.MaxInt64/time.Second) {
		return 0, false
	}
	return time.Duration(seconds) * time.Second, true
}

// now is the time by the clock of Stack Exchange, as far as it is known.
func (a answer) now() time.Time {
	if date, err := http.ParseTime(a.Header.Get("Date")); err == nil {
		return date
	}
	return time.Now()
}

// invalidRequest is what Stack Exchange calls most mistakes.
const invalidRequest = "invalid_request"

// refusal reads an error, of which there are three forms. What Stack Exchange says
// of a code is final, unless it says that it has trouble of its own. The flat form
// is also that of the API and of what stands in front of it.
func (a answer) refusal() error {
	kind, message := a.fields.text("error"), a.fields.text("error_description")
	if nested := parseObject(a.fields["error"]); nested != nil {
		kind, message = nested.text("type"), nested.text("message")
	}
	flat := kind == "" && message == ""
	if flat {
		kind, message = a.fields.text("error_name"), a.fields.text("error_message")
	}
	var id number
	_ = id.UnmarshalJSON(a.fields["error_id"])
	if err := a.outage(int(id), kind, message); err != nil {
		return err
	}
	if flat && (message == "" || a.Status != http.StatusBadRequest && a.Status != http.StatusOK) {
		return a.unexpected()
	}
	if strings.Trim(kind, "0123456789") == "" { // a number, or nothing
		kind = invalidRequest
	}
	return a.refused(a.Status, kind, message)
}
