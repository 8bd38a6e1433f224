package dss

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
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

// TokenInfo is what Stack Exchange says about a token. Its texts can be shown.
type TokenInfo struct {
	// AccountID is the user's number on the Stack Exchange network.
	AccountID int64
	// DisplayName is the user's name on Stack Overflow; empty if they have no
	// account there, or if it is not known.
	DisplayName string
	// Scopes are what the token allows.
	Scopes []string
	// Expires is when the token ends; zero if it never does.
	Expires time.Time
}

// TokenClient inspects and invalidates access tokens at Stack Exchange. It is
// safe for concurrent use.
type TokenClient struct {
	endpoints
	upstream atomic.Pointer[stackexchange.Client] // nil until it is known where the API is
}

// NewTokenClient uses the API, Server and HTTPClient of a configuration, all of
// which may be empty. The error is a [*ConfigError]. It sends no request.
func NewTokenClient(config Config) (*TokenClient, error) {
	e, err := newEndpoints(config)
	if err != nil {
		return nil, err
	}
	return &TokenClient{endpoints: e}, nil
}

// Inspect returns what Stack Exchange says about a token. Errors are
// [ErrInvalidToken], [ErrMalformedToken], [ErrUnreachable], [ErrThrottled], an
// [*Error], or the context's cause.
func (c *TokenClient) Inspect(ctx context.Context, token string) (*TokenInfo, error) {
	upstream, err := c.clientFor(ctx, token)
	if err != nil {
		return nil, err
	}
	info, ok, err := upstream.Inspect(ctx, secret.New(token))
	switch {
	case err != nil:
		return nil, upstreamError(ctx, err)
	case !ok:
		return nil, ErrInvalidToken
	}
	return (*TokenInfo)(&info), nil
}

// Invalidate ends a token at once. It is not an error if the token has ended
// already. Errors are those of [TokenClient.Inspect].
func (c *TokenClient) Invalidate(ctx context.Context, token string) error {
	upstream, err := c.clientFor(ctx, token)
	if err != nil {
		return err
	}
	if _, err = upstream.Invalidate(ctx, secret.New(token)); err != nil {
		return upstreamError(ctx, err)
	}
	return nil
}

// clientFor returns the client to ask about a token, if that can be one.
func (c *TokenClient) clientFor(ctx context.Context, token string) (*stackexchange.Client, error) {
	if !stackexchange.IsToken(token) {
		return nil, ErrMalformedToken
	}
	if c.upstream.Load() == nil {
		address, err := c.findAPI(ctx)
		if err != nil {
			return nil, err
		}
		c.upstream.CompareAndSwap(nil, c.upstreamAt(stackexchange.Config{APIURL: address}))
	}
	return c.upstream.Load(), nil
}

// findAPI returns the configured API, or that of the sandbox of a server on
// this machine, or the real one.
func (c *TokenClient) findAPI(ctx context.Context) (*url.URL, error) {
	if c.api != nil || c.server == nil || !c.fetch.KeepsLocal(c.server.Hostname()) {
		return c.api, nil
	}
	info, err := c.askServer(ctx)
	return info.sandboxAPI, err
}

// upstreamAt returns a client of Stack Exchange with the transport of e.
func (e endpoints) upstreamAt(config stackexchange.Config) *stackexchange.Client {
	config.Transport, config.Timeout = e.fetch.Transport(), answerTime
	return stackexchange.New(config)
}

// upstreamError returns an error of package stackexchange as one of ours.
func upstreamError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if refused, ok := errors.AsType[*stackexchange.RefusedError](err); ok {
		return newError(refused.Status, refused.Type, refused.Message, "")
	}
	if paused, ok := errors.AsType[*stackexchange.PausedError](err); ok {
		return &ThrottledError{paused.Left}
	}
	unusable, ok := errors.AsType[*stackexchange.AnswerError](err)
	if ok && unusable.Status == http.StatusTooManyRequests {
		return &ThrottledError{unusable.RetryAfter}
	}
	return unreachable(err)
}
