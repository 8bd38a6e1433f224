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

const (
	// atOnce is what goes to a pipe whole (PIPE_BUF of Linux), so that the
	// lines of processes that share one do not mix.
	atOnce = 4096
	// keep is how much memory is kept for lines to come, in bytes.
	keep = 64 << 10
	// closeTime bounds how long close waits for the reader of the log.
	closeTime = 3 * time.Second
)

// queue holds the lines that one goroutine writes. It does not wait for more
// to come together: while it writes some, others gather.
type queue struct {
	w       io.Writer
	own     slog.Handler // writes to w
	dropped atomic.Uint64
	wake    chan struct{} // holds a value if the goroutine has something to do
	taken   chan struct{} // holds a value if lines have been written since the last look
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

// room is the queue for those who may fill it up to most bytes.
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
	told := uint64(0) // of lines that were dropped
	var lines []byte
	for range q.wake {
		var last bool
		lines, last = q.take(lines)
		q.write(lines)
		if dropped := q.dropped.Load(); dropped > told && q.tell(dropped-told) == nil {
			told = dropped
		}
		if last {
			return
		}
	}
}

// tell writes that lines were dropped.
func (q *queue) tell(dropped uint64) error {
	record := slog.NewRecord(time.Now(), slog.LevelWarn, "lines of the log were dropped, because what reads it is too slow or was gone", 0)
	record.AddAttrs(slog.Uint64("lines", dropped))
	return q.own.Handle(context.Background(), record)
}

// take takes all lines, and leaves room for others; last says that there will
// be none.
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
		n := len(lines)
		if n > atOnce {
			n = endOfLine(lines)
		}
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

// endOfLine is behind the last line that goes at once, or behind the first if
// that is longer.
func endOfLine(lines []byte) int {
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
