package httpapi

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/apps"
	"github.com/desktop-stack-serv/dss/internal/limit"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// problem is an error on its way to the client. Whatever the dialect of the
// answer, this is what it says.
type problem struct {
	name   string        // in [api.Errors]
	detail string        // says it more exactly than the table; may be empty
	retry  time.Duration // when to try again; 0 if that is not known
	fault  string        // what the log calls an error of ours; empty for those of clients

	refusal *apps.Refusal // of an app by the operator's list, if that is the problem
}

func (p *problem) Error() string { return p.name + ": " + p.message() }

func (p *problem) message() string {
	if p.detail != "" {
		return p.detail
	}
	return api.Errors[p.name].Message
}

func (p *problem) status() int { return api.Errors[p.name].Status }

// invalid is the problem of a request that breaks a rule.
func invalid(detail string) *problem { return &problem{name: api.InvalidRequest, detail: detail} }

// clientLeft is the error in log and metrics where the client left before the
// answer.
const clientLeft = "client_left"

// ErrorNames returns all names that [Request.Error] can have.
func ErrorNames() []string {
	return append(slices.Sorted(maps.Keys(api.Errors)), clientLeft)
}

var errTooManyWaiters = errors.New("too many clients are waiting")

// sentinels gives each error of the domain its name. With an empty detail the
// message is that of the table, with ownText it is the error's own text.
var sentinels = []struct {
	err          error
	name, detail string
}{
	{relay.ErrNoToken, api.NoToken, ""},
	{relay.ErrNoKey, api.NoKey, ""},
	{relay.ErrInvalidKey, api.InvalidKey, ownText},
	{relay.ErrInvalidKeySpace, api.InvalidAppID, ownText},
	{relay.ErrInvalidResponse, api.InvalidToken, ownText},
	{relay.ErrVerifierRequired, api.VerifierRequired, ""},
	{relay.ErrInvalidVerifier, api.InvalidVerifier, ""},
	{relay.ErrReceipt, api.WrongBrowser, ""},
	{relay.ErrUnbound, api.InvalidRequest, "a verifier was passed, but the key does not start with s256.: " +
		"make the key from the verifier, or leave the verifier out"},
	{errTooManyWaiters, api.TemporarilyUnavailable, "too many clients are waiting; try again in a moment"},
	{oauth.ErrPending, api.AuthorizationPending, ""},
	{oauth.ErrSlowDown, api.SlowDown, ""},
	{oauth.ErrExpired, api.ExpiredToken, ""},
	{oauth.ErrDenied, api.AccessDenied, ""},
	{oauth.ErrInvalidClient, api.InvalidClient, ""},
	{oauth.ErrInvalidScope, api.InvalidScope, ""},
	{oauth.ErrInvalidState, api.InvalidRequest, ownText},
	{oauth.ErrInvalidChallenge, api.InvalidRequest, ownText},
	{oauth.ErrInvalidEnd, api.InvalidRequest, ownText},
	{oauth.ErrInvalidRedirectURI, api.BadRedirectURI, ownText},
	{oauth.ErrUnknown, api.UnknownSignIn, ""},
	{oauth.ErrWrongBrowser, api.WrongBrowser, ""},
	{oauth.ErrUnavailable, api.TemporarilyUnavailable, "no answer from Stack Exchange; try again"},
	{stackexchange.ErrUnavailable, api.TemporarilyUnavailable, "no answer from Stack Exchange; try again"},
	{sealed.ErrFull, api.TemporarilyUnavailable, "the store is full; try again in a few minutes"},
	{sealed.ErrContended, api.TemporarilyUnavailable, "others use the same entry; try again in a moment"},
	{relay.ErrStopped, api.TemporarilyUnavailable, "the server is restarting; ask again in a moment"},
	{context.Canceled, api.TemporarilyUnavailable, "the request was cancelled; ask again"},
}

const ownText = "*"

// ready are the problems of those sentinels that say nothing of their own, made
// once, since most of what apps get while they wait is one of these.
var ready = func() []*problem {
	all := make([]*problem, len(sentinels))
	for i, s := range sentinels {
		if s.detail != ownText {
			all[i] = &problem{name: s.name, detail: s.detail}
		}
	}
	return all
}()

// problemOf returns what the client may learn about err. An unknown error is a fault
// of this program.
func problemOf(err error) *problem {
	for i := range sentinels {
		if err == sentinels[i].err && ready[i] != nil {
			return ready[i]
		}
	}
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if exceeded, ok := errors.AsType[*limit.Exceeded](err); ok {
		return throttled(exceeded)
	}
	if code, ok := errors.AsType[*oauth.CodeError](err); ok {
		return &problem{name: api.InvalidGrant, detail: code.Error() + reasonInBrackets(err)}
	}
	for _, s := range sentinels {
		if !errors.Is(err, s.err) {
			continue
		}
		p := &problem{name: s.name, detail: s.detail}
		if p.detail == ownText {
			p.detail = err.Error()
		}
		if paused, ok := errors.AsType[*stackexchange.PausedError](err); ok {
			p.retry = paused.Left
		}
		return p
	}
	if refusal, ok := errors.AsType[*apps.Refusal](err); ok {
		return refused(refusal)
	}
	if _, ok := errors.AsType[*stackexchange.RefusedError](err); ok {
		return &problem{name: api.TemporarilyUnavailable, detail: "Stack Exchange refused this for now; try again later"}
	}
	if errors.Is(err, sealed.ErrUnavailable) {
		return &problem{
			name:   api.TemporarilyUnavailable,
			detail: "the store cannot be reached; try again in a moment",
			fault:  "store failed",
		}
	}
	return &problem{name: api.InternalError, fault: "request failed"}
}

// reasonInBrackets is what Stack Exchange has said of a code, for the author of the
// app, without the characters that RFC 6749 section 5.2 does not allow; "" if it has
// said nothing.
func reasonInBrackets(err error) string {
	refused, ok := errors.AsType[*stackexchange.RefusedError](err)
	if !ok || refused.Message == "" {
		return ""
	}
	return " (" + strings.NewReplacer(`"`, "'", `\`, "/").Replace(refused.Message) + ")"
}

// reasonOf returns what the log says of an error besides its name: what is wrong
// with a code, and what Stack Exchange or the network has said.
func reasonOf(err error) string {
	code, isCode := errors.AsType[*oauth.CodeError](err)
	refused, isRefused := errors.AsType[*stackexchange.RefusedError](err)
	switch {
	case isCode && isRefused:
		return code.Reason + ": " + refused.Error()
	case isCode:
		return code.Reason
	case isRefused, errors.Is(err, stackexchange.ErrUnavailable):
		return err.Error()
	}
	return ""
}
