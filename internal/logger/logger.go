// Package logger writes the log of a server without having requests wait for its
// reader: a terminal, a pipe, a service manager.
package logger

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// How many bytes of lines may wait to be written before more are dropped. The
// room for warnings and errors is larger, so that requests cannot take it.
const (
	usualRoom  = 4 << 20
	urgentRoom = 5 << 20
)

// Log is a [slog.Logger] whose lines are written in the background, in their
// order. While the reader is too slow, and when they cannot be written, lines
// are dropped; the log says how many. It is safe for concurrent use.
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

// Close returns when all lines have been written, or when the reader has not taken
// any for some seconds. Later lines are dropped.
func (l *Log) Close() { l.queue.close() }

// Dropped returns how many lines have been dropped.
func (l *Log) Dropped() uint64 { return l.queue.dropped.Load() }

// handler handles warnings and errors with urgent and all others with the usual
// handler, which it embeds.
type handler struct {
	slog.Handler
	urgent slog.Handler
}

// Handle implements [slog.Handler].
func (h handler) Handle(ctx context.Context, record slog.Record) error {
	if record.Level >= slog.LevelWarn {
		return h.urgent.Handle(ctx, record)
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (h handler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attributes), h.urgent.WithAttrs(attributes)}
}

// WithGroup implements [slog.Handler].
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), h.urgent.WithGroup(name)}
}

const (
	// atOnce is how many bytes a pipe takes whole (PIPE_BUF of Linux), so that the
	// lines of processes that share one do not mix.
	atOnce = 4096
	// keep is how much memory is kept for later lines, in bytes.
	keep = 64 << 10
	// gather is how long the first line waits for others, so that many requests are
	// one write and wake the goroutine once.
	gather = time.Millisecond
	// closeTime bounds how long close waits for the reader of the log.
	closeTime = 3 * time.Second
)

// queue holds the lines that one goroutine writes. While it writes some, others
// gather.
type queue struct {
	w       io.Writer
	own     slog.Handler // writes to w
	dropped atomic.Uint64
	wake    chan struct{} // holds a value if the goroutine has something to do
	taken   chan struct{} // holds a value if lines have been written since close last checked
	ended   chan struct{}

	mu     sync.Mutex
	lines  []byte
	size   int // in bytes, with the lines that are being written
	closed bool
}

func newQueue(w io.Writer, own slog.Handler) *queue {
	q := &queue{w: w, own: own, wake: make(chan struct{}, 1), taken: make(chan struct{}, 1), ended: make(chan struct{})}
	go q.run()
	return q
}

// room is the queue for lines that may fill it up to most bytes.
type room struct {
	q    *queue
	most int
}

// Write implements [io.Writer]: it takes a line, or drops it.
func (r room) Write(line []byte) (int, error) {
	if !r.q.add(line, r.most) {
		r.q.dropped.Add(1)
	}
	return len(line), nil
}

func (q *queue) add(line []byte, most int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.size+len(line) > most {
		return false
	}
	q.lines = append(q.lines, line...)
	q.size += len(line)
	signal(q.wake)
	return true
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (q *queue) run() {
	defer close(q.ended)
	reported := uint64(0) // dropped lines
	var lines []byte
	for range q.wake {
		time.Sleep(gather)
		var last bool
		lines, last = q.take(lines)
		q.write(lines)
		if dropped := q.dropped.Load(); dropped > reported && q.reportDropped(dropped-reported) == nil {
			reported = dropped
		}
		if last {
			return
		}
	}
}

func (q *queue) reportDropped(dropped uint64) error {
	const message = "lines of the log were dropped, because its reader is too slow or was gone"
	record := slog.NewRecord(time.Now(), slog.LevelWarn, message, 0)
	record.AddAttrs(slog.Uint64("lines", dropped))
	return q.own.Handle(context.Background(), record)
}

// take takes all lines, and leaves room for others. If last is set, there will be
// no others.
func (q *queue) take(written []byte) (lines []byte, last bool) {
	if cap(written) > keep {
		written = nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	lines, q.lines = q.lines, written[:0]
	return lines, q.closed
}

// write writes whole lines, as many at a time as go at once.
func (q *queue) write(lines []byte) {
	for len(lines) > 0 {
		n := endOfLine(lines)
		if written, err := q.w.Write(lines[:n]); err != nil {
			q.dropped.Add(uint64(bytes.Count(lines[written:n], []byte("\n"))))
		}
		lines = lines[n:]
		q.mu.Lock()
		q.size -= n
		q.mu.Unlock()
		signal(q.taken)
	}
}

// endOfLine returns the length of the lines that go at once, or of the first if that
// is longer.
func endOfLine(lines []byte) int {
	if len(lines) <= atOnce {
		return len(lines)
	}
	if i := bytes.LastIndexByte(lines[:atOnce], '\n'); i >= 0 {
		return i + 1
	}
	if i := bytes.IndexByte(lines, '\n'); i >= 0 {
		return i + 1
	}
	return len(lines)
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	signal(q.wake)
	q.mu.Unlock()
	patience := time.NewTimer(closeTime)
	defer patience.Stop()
	for {
		select {
		case <-q.ended:
			return
		case <-q.taken:
			patience.Reset(closeTime)
		case <-patience.C:
			return
		}
	}
}
