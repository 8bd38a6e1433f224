package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/clientaddr"
)

// observe gives each request an id, counts it and writes one line about it,
// with the route's pattern and never the path, query or any header; and it
// turns a panic into a 500.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		s.observer.Began()
		seen := &observed{ResponseWriter: w, server: s, about: about{id: [1]string{newRequestID()}, client: clientaddr.From(r.Context())}}
		seen.context = aboutContext{r.Context(), &seen.about}
		w.Header()["X-Request-Id"] = seen.about.id[:]
		r = r.WithContext(&seen.context)
		defer func() { s.ended(r, seen, time.Since(started)) }()
		defer func() {
			if reason := recover(); reason != nil {
				s.recovered(seen, r, reason)
			}
		}()
		next.ServeHTTP(seen, r)
	})
}

// ended counts and logs a request that has been answered.
func (s *Server) ended(r *http.Request, w *observed, took time.Duration) {
	status, route := w.status, r.Pattern
	if status == 0 {
		status = http.StatusOK // as net/http answers when nothing was written
	}
	if w.about.problem == clientLeft {
		status = StatusClientLeft
	}
	if route == "" {
		route = RouteRefused
	}
	method, path := knownMethod(r.Method), route
	if _, after, ok := strings.Cut(route, " "); ok {
		path = after
	}
	s.observer.Ended(Request{method, path, status, w.about.problem, took, w.about.waited})
	s.audit.refused(r.Context(), w.about.problem)
	s.logRequest(r.Context(), method, route, status, &w.about, took)
}

func (s *Server) logRequest(ctx context.Context, method, route string, status int, about *about, took time.Duration) {
	attributes := []slog.Attr{slog.String("method", method), slog.String("route", route),
		slog.Int("status", status), slog.Duration("duration", took)}
	if about.problem != "" {
		attributes = append(attributes, slog.String("error", about.problem))
		attributes = append(attributes, s.audit.flooder(ctx, about.problem)...)
	}
	if about.reason != "" {
		attributes = append(attributes, slog.String("reason", about.reason))
	}
	inform(ctx, s.log, "request", attributes...)
}

// inform writes a line as [slog.Logger] does, but does not look up its caller.
func inform(ctx context.Context, log *slog.Logger, message string, attributes ...slog.Attr) {
	handler := log.Handler()
	if !handler.Enabled(ctx, slog.LevelInfo) {
		return
	}
	record := slog.NewRecord(time.Now(), slog.LevelInfo, message, 0)
	record.AddAttrs(attributes...)
	_ = handler.Handle(ctx, record) // where could that be told?
}

// recovered logs where a panic happened, but not its value, which may quote
// what a user sent.
func (s *Server) recovered(w *observed, r *http.Request, reason any) {
	if reason == http.ErrAbortHandler {
		panic(reason)
	}
	s.log.ErrorContext(r.Context(), "panic", "type", typeName(reason), "stack", string(debug.Stack()))
	if w.status == 0 {
		s.fail(w, r, &problem{name: api.InternalError})
	}
}

func typeName(v any) string {
	if _, ok := v.(error); ok {
		return "error"
	}
	return "value"
}

// underOneRoute keeps the patterns of next's own routes out of log and metrics.
func underOneRoute(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner := *r
		next.ServeHTTP(w, &inner)
	})
}

func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions, http.MethodPut, http.MethodDelete, http.MethodPatch:
		return method
	}
	return "other"
}

// observed remembers what was answered, and ends connections while the server
// drains: an idle one that is closed later could meet a request on its way.
// Unwrap keeps deadlines and flushing.
type observed struct {
	http.ResponseWriter
	server  *Server
	status  int
	about   about
	context aboutContext // of the request
}

func (o *observed) WriteHeader(status int) {
	if o.status == 0 {
		o.status = status
	}
	if o.server.draining.Err() != nil {
		o.Header().Set("Connection", "close")
	}
	o.ResponseWriter.WriteHeader(status)
}

func (o *observed) Write(b []byte) (int, error) {
	if o.status == 0 {
		o.WriteHeader(http.StatusOK)
	}
	return o.ResponseWriter.Write(b)
}

func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }
