package httpapi

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/desktop-stack-serv/dss/api"
)

// observe writes one line per request, with the route's pattern and never the
// path, query or any header, and turns a panic into a 500.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		seen := &observed{ResponseWriter: w}
		defer func() {
			if reason := recover(); reason != nil {
				s.recovered(seen, r, reason)
			}
			s.logRequest(r, seen.status, started)
		}()
		next.ServeHTTP(seen, r)
	})
}

// logRequest does without [slog.Logger], which would look up its caller.
func (s *Server) logRequest(r *http.Request, status int, started time.Time) {
	handler := s.log.Handler()
	if !handler.Enabled(r.Context(), slog.LevelInfo) {
		return
	}
	now := time.Now()
	record := slog.NewRecord(now, slog.LevelInfo, "request", 0)
	record.AddAttrs(
		slog.String("method", knownMethod(r.Method)), slog.String("route", r.Pattern),
		slog.Int("status", status), slog.Duration("duration", now.Sub(started)))
	_ = handler.Handle(r.Context(), record) // where could that be told?
}

// recovered logs where a panic happened, but not its value, which may quote
// what a user sent.
func (s *Server) recovered(w *observed, r *http.Request, reason any) {
	if reason == http.ErrAbortHandler {
		panic(reason)
	}
	s.log.ErrorContext(r.Context(), "panic", "type", typeName(reason), "stack", string(debug.Stack()))
	if w.status == 0 {
		s.fail(w, r, &problem{api.InternalError, "something went wrong here; try again"})
	}
}

func typeName(v any) string {
	if _, ok := v.(error); ok {
		return "error"
	}
	return "value"
}

func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions, http.MethodPut, http.MethodDelete, http.MethodPatch:
		return method
	}
	return "other"
}

// observed remembers the status. Unwrap keeps deadlines and flushing.
type observed struct {
	http.ResponseWriter
	status int
}

func (o *observed) WriteHeader(status int) {
	if o.status == 0 {
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

func (o *observed) Write(b []byte) (int, error) {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	return o.ResponseWriter.Write(b)
}

func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }
