package logger

import (
	"bytes"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"
)

// lastUnix is the last second that is written here: in any zone it is in the year
// 9999, after which slog's handlers differ.
const lastUnix = 253402300799 - 24*60*60

// line is a line that is being written.
type line struct {
	out  []byte
	json bool
	hard bool // there is something that only slog knows how to write
}

// begin appends what every line begins with.
func (l *line) begin(at time.Time, level slog.Level, message string) {
	if at.Unix() < 0 || at.Unix() > lastUnix { // the zero time is left out
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

// time appends a time: all of it, or in text only the milliseconds.
func (l *line) time(at time.Time) {
	second := secondOf(at)
	if l.json {
		l.out = append(append(l.out, '"'), second.date...)
		l.fraction(at.Nanosecond())
		l.out = append(append(l.out, second.zone...), '"')
		return
	}
	ms := at.Nanosecond() / 1e6
	l.out = append(append(l.out, second.date...), '.', digit(ms/100), digit(ms/10), digit(ms))
	l.out = append(l.out, second.zone...)
}

func digit(n int) byte { return byte('0' + n%10) }

// fraction appends a fraction of a second without the zeros at its end.
func (l *line) fraction(ns int) {
	if ns == 0 {
		return
	}
	l.out = strconv.AppendInt(l.out, int64(1e9+ns), 10)
	l.out[len(l.out)-10] = '.'
	l.out = bytes.TrimRight(l.out, "0")
}

// second is a second as RFC 3339 writes it.
type second struct {
	unix       int64
	in         *time.Location
	date, zone string
}

// lastSecond is that of the last line: formatting one takes a fifth of a line.
var lastSecond atomic.Pointer[second]

func secondOf(at time.Time) *second {
	last := lastSecond.Load()
	if unix := at.Unix(); last == nil || last.unix != unix || last.in != at.Location() {
		text := at.Format(time.RFC3339)
		const date = len("2006-01-02T15:04:05")
		last = &second{unix, at.Location(), text[:date], text[date:]}
		lastSecond.Store(last)
	}
	return last
}
