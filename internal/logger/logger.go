// Package logger writes the log of a server without having requests wait for
// what reads it: a terminal, a pipe, a service manager.
package logger

import (
	"context"
	"io"
	"log/slog"
)

// How many bytes of lines may wait to be written before more are dropped. The
// room for warnings and errors is larger, so that requests cannot take it.
const (
	usualRoom  = 4 << 20
	urgentRoom = 5 << 20
)

// Log is a [slog.Logger] whose lines are written in the background, in their
// order. While what reads them is too slow, and when they cannot be written,
// lines are dropped; the log says how many. It is safe for concurrent use.
type Log struct {
	*slog.Logger
	queue *queue
}

// New returns a log that writes to w, in the form that newHandler's handlers
// give it. [Log.Close] has to be called in the end.
func New(w io.Writer, newHandler func(io.Writer) slog.Handler) *Log {
	q := newQueue(w, newHandler(w))
	usual, urgent := newHandler(room{q, usualRoom}), newHandler(room{q, urgentRoom})
	return &Log{slog.New(handler{usual, urgent}), q}
}

// Close returns when all lines have been written, or when what reads them has
// not taken any for some seconds. Later lines are dropped.
func (l *Log) Close() { l.queue.close() }

// Dropped returns how many lines have been dropped.
func (l *Log) Dropped() uint64 { return l.queue.dropped.Load() }

// handler hands warnings and errors to urgent and all else to usual.
type handler struct{ usual, urgent slog.Handler }

// Enabled implements [slog.Handler].
func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.usual.Enabled(ctx, level)
}

// Handle implements [slog.Handler].
func (h handler) Handle(ctx context.Context, record slog.Record) error {
	if record.Level >= slog.LevelWarn {
		return h.urgent.Handle(ctx, record)
	}
	return h.usual.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (h handler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return handler{h.usual.WithAttrs(attributes), h.urgent.WithAttrs(attributes)}
}

// WithGroup implements [slog.Handler].
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.usual.WithGroup(name), h.urgent.WithGroup(name)}
}
