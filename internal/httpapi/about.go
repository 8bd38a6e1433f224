package httpapi

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strconv"

	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// about is what is known of a request while it is served. One goroutine
// serves it.
type about struct {
	id      [1]string  // as a header has it
	client  netip.Addr // its address
	app     string     // that its host belongs to, if any
	problem string     // the name of the error in the answer
	reason  string     // what led to it, where the name does not say that
	waited  bool
	polls   bool // a device polls for its token

	kind    string // of thing that it is about,
	space   relay.KeySpace
	subject secret.Text
}

type aboutKey struct{}

// aboutContext is a context that knows its request: every request has one, so
// it costs no more than it has to.
type aboutContext struct {
	context.Context
	about *about
}

// Value implements [context.Context].
func (c *aboutContext) Value(key any) any {
	if key == (aboutKey{}) {
		return c.about
	}
	return c.Context.Value(key)
}

// aboutOf returns nil where no request is served.
func aboutOf(ctx context.Context) *about {
	request, _ := ctx.Value(aboutKey{}).(*about)
	return request
}

// requestID is the id of the request that is served, as its answer's header
// has it.
func requestID(ctx context.Context) string {
	if request := aboutOf(ctx); request != nil {
		return request.id[0]
	}
	return ""
}

// remember says what the request is about: a subject, and what kind of one.
func remember(ctx context.Context, kind string, space relay.KeySpace, subject secret.Text) {
	if request := aboutOf(ctx); request != nil {
		request.kind, request.space, request.subject = kind, space, subject
	}
}

// note says which error the answer is. The last word counts.
func note(ctx context.Context, problem string) {
	if request := aboutOf(ctx); request != nil {
		request.problem = problem
	}
}

// noteReason says what led to the error, in words that stand in this program or
// that Stack Exchange or the network has said.
func noteReason(ctx context.Context, reason string) {
	if request := aboutOf(ctx); request != nil {
		request.reason = reason
	}
}

// notePoll says that a device polls for its token.
func notePoll(ctx context.Context) {
	if request := aboutOf(ctx); request != nil {
		request.polls = true
	}
}

// noteWait says that the request takes long on purpose.
func noteWait(ctx context.Context) {
	if request := aboutOf(ctx); request != nil {
		request.waited = true
	}
}

// newRequestID tells a request from others in a log. It need not be hard to
// guess: nothing is done with one that comes in.
func newRequestID() string { return strconv.FormatUint(1<<63|rand.Uint64(), 36) }

// identified adds the id of the request to every line that is written while
// one is served.
type identified struct{ slog.Handler }

// Handle implements [slog.Handler].
func (i identified) Handle(ctx context.Context, record slog.Record) error {
	if request := aboutOf(ctx); request != nil {
		record.AddAttrs(slog.String("request_id", request.id[0]))
	}
	return i.Handler.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (i identified) WithAttrs(attributes []slog.Attr) slog.Handler {
	return identified{i.Handler.WithAttrs(attributes)}
}

// WithGroup implements [slog.Handler].
func (i identified) WithGroup(name string) slog.Handler { return identified{i.Handler.WithGroup(name)} }
