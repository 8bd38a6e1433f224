package dss

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// DefaultAPI is the Stack Exchange API.
const DefaultAPI = "https://api.stackexchange.com/2.3"

// ErrInvalidToken means that Stack Exchange does not know the token: it has
// ended, or never was one.
var ErrInvalidToken = errors.New("dss: the access token is not valid")

// ErrMalformedToken means that the text cannot be a token, and has not been
// sent. It is an [ErrInvalidToken] too.
var ErrMalformedToken error = malformedToken{}

type malformedToken struct{}

func (malformedToken) Error() string        { return "dss: the text is not an access token" }
func (malformedToken) Is(target error) bool { return target == ErrInvalidToken }

var errTokensOnly = errors.New("dss: a client from NewTokenClient cannot sign in")

// TokenInfo is what Stack Exchange says about a token.
type TokenInfo struct {
	// AccountID is the user's number on the Stack Exchange network.
	AccountID int64
	// DisplayName is the user's name on Stack Overflow; empty if they have no
	// account there, or if the API does not tell.
	DisplayName string
	// Scopes are what the token allows.
	Scopes []string
	// Expires is when the token ends; zero if it never does.
	Expires time.Time
}

// NewTokenClient returns a client for [Client.Inspect] and [Client.Invalidate]
// alone, which need no client id: of config it uses API, Server and HTTPClient,
// each of which may be missing. [Client.Start] fails.
func NewTokenClient(config Config) (*Client, error) {
	c, err := newClient(config)
	if err != nil {
		return nil, err
	}
	c.tokensOnly = true
	return c, nil
}

// Inspect returns what Stack Exchange says about a token. Errors are
// [ErrInvalidToken], [ErrMalformedToken], [ErrUnreachable], [ErrThrottled], an
// [*Error], or the context's cause.
func (c *Client) Inspect(ctx context.Context, token string) (*TokenInfo, error) {
	items, err := c.askAPI(ctx, token, "", "access-tokens", url.PathEscape(token))
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, ErrInvalidToken
	}
	info := &TokenInfo{AccountID: items[0].AccountID}
	for _, scope := range items[0].Scope {
		info.Scopes = append(info.Scopes, display.Clean(scope))
	}
	if seconds := items[0].ExpiresOnDate; seconds != 0 {
		info.Expires = time.Unix(seconds, 0)
	}
	// The name is a courtesy: the rest is true without it.
	if me, err := c.askAPI(ctx, token, "site=stackoverflow", "me"); err == nil && len(me) > 0 {
		info.DisplayName = display.Clean(html.UnescapeString(me[0].DisplayName))
	}
	return info, nil
}

// Invalidate ends a token at once. It is no error if the token has ended
// already. Errors are those of [Client.Inspect].
func (c *Client) Invalidate(ctx context.Context, token string) error {
	_, err := c.askAPI(ctx, token, "", "access-tokens", url.PathEscape(token), "invalidate")
	if errors.Is(err, ErrInvalidToken) && isToken(token) {
		return nil
	}
	return err
}

// isToken checks the characters, so that nothing else ends up in a path.
func isToken(text string) bool {
	const longest = 4096
	const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789()*"
	return text != "" && len(text) <= longest && strings.Trim(text, characters) == ""
}

// pause is until when the API wants no call, in Unix nanoseconds.
type pause struct{ until atomic.Int64 }

func (p *pause) left() time.Duration { return time.Until(time.Unix(0, p.until.Load())) }

// begin takes the seconds of a backoff.
func (p *pause) begin(seconds int) {
	if seconds > 0 {
		p.until.Store(time.Now().Add(backoff(seconds)).UnixNano())
	}
}

func backoff(seconds int) time.Duration {
	return time.Duration(min(max(seconds, 0), 3600)) * time.Second
}

// apiItem is an item of the methods that are asked here.
type apiItem struct {
	AccountID     int64    `json:"account_id"`
	ExpiresOnDate int64    `json:"expires_on_date"` // absent if never
	Scope         []string `json:"scope"`
	DisplayName   string   `json:"display_name"` // HTML
}

// apiAnswer is the wrapper around every answer of the API.
type apiAnswer struct {
	Items        []apiItem `json:"items"`
	Backoff      int       `json:"backoff"` // seconds
	ErrorID      int       `json:"error_id"`
	ErrorName    string    `json:"error_name"`
	ErrorMessage string    `json:"error_message"`
	requestID    string
}

// askAPI calls a method of the API about the token, and with it. The path is
// escaped.
func (c *Client) askAPI(ctx context.Context, token, query string, path ...string) ([]apiItem, error) {
	if !isToken(token) {
		return nil, ErrMalformedToken
	}
	if left := c.apiPause.left(); left > 0 {
		return nil, &ThrottledError{left}
	}
	target, err := c.whereTheAPIIs(ctx)
	if err != nil {
		return nil, err
	}
	target = target.JoinPath(path...)
	target.RawQuery = query
	a, err := c.getAPI(ctx, target, token)
	if err != nil {
		return nil, err
	}
	c.apiPause.begin(a.Backoff)
	return a.Items, a.err(token)
}

func (c *Client) getAPI(ctx context.Context, target *url.URL, token string) (*apiAnswer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, unreachable(ctx, err, target.Host, false)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, body, err := c.send(request, answerTime)
	if err != nil {
		return nil, err
	}
	a := &apiAnswer{requestID: requestID(response.Header)}
	if json.Unmarshal(body, a) != nil || (a.ErrorID == 0 && (response.StatusCode != http.StatusOK || a.Items == nil)) {
		return nil, unreachableBecause(describe(response) + ", not as the Stack Exchange API does")
	}
	return a, nil
}

// Errors of the API, by their error_id.
const (
	apiInvalidToken     = 402
	apiCompromisedToken = 406
	apiInternalError    = 500
	apiThrottled        = 502
	apiUnavailable      = 503
)

// err is the error that an answer stands for. What the API says may repeat
// what was sent.
func (a *apiAnswer) err(token string) error {
	switch a.ErrorID {
	case 0:
		return nil
	case apiInvalidToken, apiCompromisedToken:
		return ErrInvalidToken
	case apiThrottled:
		return &ThrottledError{backoff(a.Backoff)}
	case apiInternalError, apiUnavailable:
		return fmt.Errorf("%w: the Stack Exchange API says %d", ErrUnreachable, a.ErrorID)
	}
	clean := strings.NewReplacer(token, secret.Redacted, url.PathEscape(token), secret.Redacted)
	return newError(a.ErrorID, clean.Replace(a.ErrorName), clean.Replace(a.ErrorMessage), a.requestID)
}
