package logger

import (
	"context"
	"io"
	"log/slog"
	"strconv"
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

// line writes a line that is easy to write, or reports false.
func (q quick) line(at time.Time, message string, attributes []slog.Attr) bool {
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

// line is a line that is being written.
type line struct {
	out  []byte
	json bool
	hard bool // there is something that only slog knows how to write
}

// begin appends what every line begins with.
func (l *line) begin(at time.Time, level slog.Level, message string) {
	if year := at.Year(); year < 1970 || year > 9999 { // the zero time is left out
		l.hard = true
		return
	}
	l.key(slog.TimeKey)
	l.time(at)
	l.key(slog.LevelKey)
	l.text(level.String())
	l.key(slog.MessageKey)
	l.text(message)
}

func (l *line) attribute(a slog.Attr) {
	l.key(a.Key)
	l.value(a.Value)
}

func (l *line) end() {
	if l.json {
		l.out = append(l.out, '}')
	}
	l.out = append(l.out, '\n')
}

func (l *line) key(key string) {
	switch {
	case !l.json && len(l.out) > 0:
		l.out = append(l.out, ' ')
	case l.json && len(l.out) > 0:
		l.out = append(l.out, ',')
	case l.json:
		l.out = append(l.out, '{')
	}
	l.text(key)
	if l.json {
		l.out = append(l.out, ':')
	} else {
		l.out = append(l.out, '=')
	}
}

// What a character does to a text.
const (
	quote = 1 << iota // the text form puts it between quotation marks
	hard              // it may have to be escaped
)

// effects are those of each byte.
var effects = func() (effects [256]byte) {
	for c := range effects {
		switch {
		case c == ' ' || c == '=':
			effects[c] = quote
		case c < ' ' || c > '~' || c == '"' || c == '\\':
			effects[c] = hard
		}
	}
	return effects
}()

func (l *line) text(text string) {
	effect := byte(0)
	for i := range len(text) {
		effect |= effects[text[i]]
	}
	switch {
	case effect&hard != 0:
		l.hard = true
	case l.json || effect&quote != 0 || text == "":
		l.out = append(append(append(l.out, '"'), text...), '"')
	default:
		l.out = append(l.out, text...)
	}
}

func (l *line) value(value slog.Value) {
	switch kind := value.Kind(); {
	case kind == slog.KindString:
		l.text(value.String())
	case kind == slog.KindInt64:
		l.out = strconv.AppendInt(l.out, value.Int64(), 10)
	case kind == slog.KindUint64:
		l.out = strconv.AppendUint(l.out, value.Uint64(), 10)
	case kind == slog.KindDuration && l.json:
		l.out = strconv.AppendInt(l.out, int64(value.Duration()), 10)
	case kind == slog.KindDuration:
		l.out = append(l.out, value.Duration().String()...)
	default:
		l.hard = true
	}
}

// time appends a time: all of it, or in text only the milliseconds, which cost a
// third with a tenth of one more, since package time is quick at RFC 3339 alone.
func (l *line) time(at time.Time) {
	if l.json {
		l.out = append(at.AppendFormat(append(l.out, '"'), time.RFC3339Nano), '"')
		return
	}
	end := len(l.out) + len("2006-01-02T15:04:05.000")
	l.out = at.Truncate(time.Millisecond).Add(time.Millisecond/10).AppendFormat(l.out, time.RFC3339Nano)
	l.out = append(l.out[:end], l.out[end+1:]...)
}
