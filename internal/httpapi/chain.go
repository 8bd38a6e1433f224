package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/apps"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// record holds what is known of a request while it is served. The chain fills it,
// and counts and logs it in the end. One goroutine uses it.
//
// It is the request's ResponseWriter and its context, which has the record as a
// value: so neither needs an allocation of its own.
type record struct {
	http.ResponseWriter
	context.Context
	server  *Server
	started time.Time

	id      [1]string  // for the log; an array, to be the value of a header
	client  netip.Addr // its address
	app     string     // that its host belongs to, if any
	dialect dialect
	waited  bool
	polls   bool // a device polls for its token

	listed *apps.App // the app that the request is of, if it is in the operator's list
	named  bool      // the request is of an app, and there is a list

	status  int    // of the answer; 0 before it begins
	problem string // the name of the error in the answer
	reason  string // what led to it, in words of this program, Stack Exchange or the network

	kind    string // of the subject
	space   relay.KeySpace
	subject secret.Text // for the audit
}

type recordKey struct{}

// Value implements [context.Context].
func (rec *record) Value(key any) any {
	if key == (recordKey{}) {
		return rec
	}
	return rec.Context.Value(key)
}

// recordOf returns the record of a request, or a new one outside of any. Inlined,
// that would take 250 bytes of the stack of each caller, and of each claim that waits.
//
//go:noinline
func recordOf(ctx context.Context) *record {
	if rec, ok := ctx.Value(recordKey{}).(*record); ok {
		return rec
	}
	return new(record)
}

// about records the subject of the request, and its kind.
func (rec *record) about(kind string, space relay.KeySpace, subject secret.Text) {
	rec.kind, rec.space, rec.subject = kind, space, subject
}

// newRecord begins the record of a request.
func (s *Server) newRecord(w http.ResponseWriter, r *http.Request) *record {
	rec := &record{
		ResponseWriter: w, Context: r.Context(), server: s, started: time.Now(),
		client: s.config.TrustedProxies.Of(r), dialect: dialectOf(r.URL.Path),
		// It need not be hard to guess, since no id is ever accepted.
		id: [1]string{strconv.FormatUint(1<<63|rand.Uint64(), 36)},
	}
	w.Header()["X-Request-Id"] = rec.id[:]
	return rec
}

// WriteHeader remembers the status, and ends connections while the server
// drains: closing an idle one later could lose a request on its way.
func (rec *record) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status = status
	}
	if rec.server.draining.Err() != nil {
		rec.Header().Set("Connection", "close")
	}
	rec.ResponseWriter.WriteHeader(status)
}

func (rec *record) Write(b []byte) (int, error) {
	if rec.status == 0 {
		rec.WriteHeader(http.StatusOK)
	}
	return rec.ResponseWriter.Write(b)
}

// Unwrap keeps deadlines and flushing.
func (rec *record) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

// chain observes, guards and throttles every request, and passes it to next unless
// it is refused.
func (s *Server) chain(
	headers func(*record, *http.Request), guard func(*record, *http.Request) error, next http.Handler,
) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.observer.Began()
		rec := s.newRecord(w, r)
		defer rec.ended(r)
		defer rec.recovered(r)
		headers(rec, r)
		err := guard(rec, r)
		if limited := s.throttle(rec, r); limited != nil {
			err = limited // also where the guard has refused
		}
		if err != nil {
			s.fail(rec, r, err)
			return
		}
		next.ServeHTTP(rec, r)
	})
}

// recovered turns a panic into a 500. It logs where it happened, but not its
// value, which may quote what a user sent.
func (rec *record) recovered(r *http.Request) {
	reason := recover()
	switch {
	case reason == nil:
		return
	case reason == http.ErrAbortHandler:
		panic(reason)
	}
	rec.server.log.ErrorContext(rec, "panic", "type", fmt.Sprintf("%T", reason), "stack", string(debug.Stack()))
	if rec.status == 0 {
		rec.server.fail(rec, r, &problem{name: api.InternalError})
	}
}

// ended counts a request that has been answered, and writes a line about it,
// with the route's pattern and never the path, query or any header.
func (rec *record) ended(r *http.Request) {
	status, route := rec.status, r.Pattern
	if status == 0 {
		status = http.StatusOK // as net/http answers when nothing was written
	}
	if rec.problem == clientLeft {
		status = StatusClientLeft
	}
	if route == "" {
		route = RouteRefused
	}
	method := r.Method
	if !slices.Contains(knownMethods, method) {
		method = "other"
	}
	path := route[strings.Index(route, " ")+1:]
	took := time.Since(rec.started)
	rec.server.observer.Ended(Request{method, path, status, rec.problem, took, rec.waited})
	rec.server.audit.refused(rec)
	attributes := append(make([]slog.Attr, 0, 8),
		slog.String("method", method), slog.String("route", route),
		slog.Int("status", status), slog.Duration("duration", took))
	if rec.problem != "" {
		attributes = rec.server.audit.flooder(rec, withText(attributes, "error", rec.problem))
	}
	attributes = withText(withText(attributes, "reason", rec.reason), requestID, rec.id[0])
	rec.server.lines.Write(rec.started.Add(took), "request", attributes)
}

var knownMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions,
	http.MethodPut, http.MethodDelete, http.MethodPatch,
}
