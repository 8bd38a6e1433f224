package httpapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/limit"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// problem is an error on its way to the client.
type problem struct {
	name    string
	message string
}

func (p *problem) Error() string { return p.name + ": " + p.message }

// retryAfter is the Retry-After of answers that ask to try again, in seconds.
const retryAfter = "5"

// notFoundName is the error of a page that is not there.
const notFoundName = "not_found"

// clientLeft stands in log and metrics for the error that nobody was left to
// be told of.
const clientLeft = "client_left"

var errDraining = errors.New("the server is shutting down")

// statusOf is the one table of error names and their status.
var statusOf = map[string]int{
	api.NoToken:                http.StatusNotFound,
	api.NoKey:                  http.StatusBadRequest,
	api.AccessDenied:           http.StatusForbidden,
	api.KeyConflict:            http.StatusConflict,
	api.InvalidKey:             http.StatusBadRequest,
	api.InvalidAppID:           http.StatusBadRequest,
	api.InvalidWait:            http.StatusBadRequest,
	api.InvalidRequest:         http.StatusBadRequest,
	api.InvalidToken:           http.StatusBadRequest,
	api.VerifierRequired:       http.StatusBadRequest,
	api.InvalidVerifier:        http.StatusForbidden,
	api.CrossOrigin:            http.StatusForbidden,
	api.NoMethod:               http.StatusNotFound,
	api.MethodNotAllowed:       http.StatusMethodNotAllowed,
	api.TooLarge:               http.StatusRequestEntityTooLarge,
	api.UnsupportedMediaType:   http.StatusUnsupportedMediaType,
	api.MisdirectedRequest:     http.StatusMisdirectedRequest,
	api.ThrottleViolation:      http.StatusTooManyRequests,
	api.InternalError:          http.StatusInternalServerError,
	api.TemporarilyUnavailable: http.StatusServiceUnavailable,
	api.BadClient:              http.StatusBadRequest,
	api.BadRedirectURI:         http.StatusBadRequest,
	api.WrongBrowser:           http.StatusForbidden,
	api.UnknownSignIn:          http.StatusNotFound,
}

// ErrorNames are all names that [Request.Error] can have.
func ErrorNames() []string {
	names := []string{notFoundName, clientLeft, api.UnsupportedGrantType, api.UnsupportedResponseType}
	for name := range statusOf {
		names = append(names, name)
	}
	for _, n := range oauthNames {
		names = append(names, n.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// mapping says how each error of the domain is told to an app author. Where
// detail is set, what is behind the colon of the error's own text follows.
var mapping = []struct {
	err     error
	name    string
	message string
	detail  bool
}{
	{relay.ErrNoToken, api.NoToken, "nothing is stored under this key; the user may not be done yet: ask again, or pass wait", false},
	{relay.ErrNoKey, api.NoKey, "pass the key that the app sent to Stack Exchange as state", false},
	{relay.ErrInvalidKey, api.InvalidKey, "the key is not acceptable: ", true},
	{relay.ErrInvalidKeySpace, api.InvalidAppID, "appid must be 1 to 64 of A-Z a-z 0-9 _ -: ", true},
	{relay.ErrInvalidResponse, api.InvalidToken, "the response cannot be stored: ", true},
	{relay.ErrVerifierRequired, api.VerifierRequired, "this key is verifier-bound: POST it with its verifier in a form body", false},
	{relay.ErrInvalidVerifier, api.InvalidVerifier, "the verifier does not belong to this key; nothing was consumed", false},
	{relay.ErrUnbound, api.InvalidRequest, "a verifier was passed, but the key does not start with s256.: make the key from the verifier, or leave the verifier out", false},
	{relay.ErrTooManyWaiters, api.TemporarilyUnavailable, "too many clients are waiting; try again in a moment", false},
	{sealed.ErrFull, api.TemporarilyUnavailable, "the store is full; try again in a few minutes", false},
	{errDraining, api.TemporarilyUnavailable, "the server is restarting; ask again in a moment", false},
	{context.Canceled, api.TemporarilyUnavailable, "the request was cancelled; ask again", false},
}

// asProblem finds what to tell the client about err. known is false for
// errors that only the log may see.
func asProblem(err error) (p *problem, known bool) {
	if errors.As(err, &p) {
		return p, true
	}
	var exceeded *limit.Exceeded
	if errors.As(err, &exceeded) {
		return throttled(exceeded), true
	}
	for _, m := range mapping {
		if !errors.Is(err, m.err) {
			continue
		}
		message := m.message
		if m.detail {
			message += strings.TrimPrefix(err.Error(), m.err.Error()+": ")
		}
		return &problem{m.name, message}, true
	}
	return &problem{api.TemporarilyUnavailable, "the store cannot be reached; try again in a moment"}, false
}
