package logger

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// NewHandler returns a handler that writes what [slog.JSONHandler] or
// [slog.TextHandler] does, to a writer that is safe for concurrent use. A line
// that is easy to write, as that of a request is, takes half their time
// (BenchmarkLine).
func NewHandler(w io.Writer, json bool) slog.Handler {
	if json {
		return quick{slog.NewJSONHandler(w, nil), w, true}
	}
	return quick{slog.NewTextHandler(w, nil), w, false}
}

// quick writes lines of texts without anything to escape, numbers and durations
// itself, and leaves all others to the handler that it embeds.
type quick struct {
	slog.Handler
	w    io.Writer
	json bool
}

// lines are buffers to write a line in.
var lines = sync.Pool{New: func() any { return new([]byte) }}

// Handle implements [slog.Handler].
func (q quick) Handle(ctx context.Context, record slog.Record) error {
	room := lines.Get().(*[]byte)
	defer lines.Put(room)
	l := line{out: (*room)[:0], json: q.json}
	l.begin(record.Time, record.Level, record.Message)
	record.Attrs(func(a slog.Attr) bool {
		l.attribute(a)
		return !l.hard
	})
	if l.hard {
		return q.Handler.Handle(ctx, record)
	}
	return q.write(&l, room)
}

// write ends a line and writes it. It keeps the buffer for others.
func (q quick) write(l *line, room *[]byte) error {
	l.end()
	if cap(l.out) <= keep {
		*room = l.out
	}
	_, err := q.w.Write(l.out)
	return err
}

// Lines writes lines of level INFO. To a handler of this package it writes them
// without a [slog.Record], which is large and copied on its way from handler to
// handler: that takes half the time (BenchmarkLines).
type Lines struct {
	handler slog.Handler
	quick   *quick // handler, unless it is another package's
}

// NewLines returns the lines of a handler.
func NewLines(h slog.Handler) Lines {
	l := Lines{handler: h}
	if both, ok := h.(handler); ok {
		h = both.Handler
	}
	if q, ok := h.(quick); ok {
		l.quick = &q
	}
	return l
}

// Write writes a line. Like [slog.Logger], it ignores the handler's error.
func (l Lines) Write(at time.Time, message string, attributes []slog.Attr) {
	if l.quick == nil || !l.quick.line(at, message, attributes) {
		l.record(at, message, attributes)
	}
}

// line writes a line that is easy to write, or reports false. It takes a pointer to
// keep the stack of a claim within 4 KiB (docs/adr/0012-named-speed-ups.md).
func (q *quick) line(at time.Time, message string, attributes []slog.Attr) bool {
	room := lines.Get().(*[]byte)
	defer lines.Put(room)
	l := line{out: (*room)[:0], json: q.json}
	l.begin(at, slog.LevelInfo, message)
	for _, a := range attributes {
		l.attribute(a)
	}
	if l.hard {
		return false
	}
	_ = q.write(&l, room)
	return true
}

// record has the handler write a line.
func (l Lines) record(at time.Time, message string, attributes []slog.Attr) {
	ctx := context.Background()
	if !l.handler.Enabled(ctx, slog.LevelInfo) {
		return
	}
	record := slog.NewRecord(at, slog.LevelInfo, message, 0)
	record.AddAttrs(attributes...)
	_ = l.handler.Handle(ctx, record)
}
