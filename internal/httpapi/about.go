package httpapi

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strconv"

	"github.com/desktop-stack-serv/dss/internal/relay"
)

// about is what is known of a request while it is served. One goroutine
// serves it.
type about struct {
	id      string
	client  string // its address
	problem string // the name of the error in the answer
	waited  bool

	subjectOf string // which kind of thing it is about,
	subject   relay.Secret
}

type aboutKey struct{}

// aboutOf returns nil where no request is served.
func aboutOf(ctx context.Context) *about {
	request, _ := ctx.Value(aboutKey{}).(*about)
	return request
}

// remember says what the request is about: a subject, and what kind of one.
func remember(ctx context.Context, of string, subject relay.Secret) {
	if request := aboutOf(ctx); request != nil {
		request.subjectOf, request.subject = of, subject
	}
}

// note says which error the answer is. The last word counts.
func note(ctx context.Context, problem string) {
	if request := aboutOf(ctx); request != nil {
		request.problem = problem
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
		record.AddAttrs(slog.String("request_id", request.id))
	}
	return i.Handler.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (i identified) WithAttrs(attributes []slog.Attr) slog.Handler {
	return identified{i.Handler.WithAttrs(attributes)}
}

// WithGroup implements [slog.Handler].
func (i identified) WithGroup(name string) slog.Handler { return identified{i.Handler.WithGroup(name)} }
