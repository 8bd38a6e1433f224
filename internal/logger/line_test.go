package logger

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"
)

// both calls f for either form: with slog's own handler and with that of this
// package, and what each writes to.
func both(f func(name string, want, got slog.Handler, wanted, gotten *bytes.Buffer)) {
	for _, json := range []bool{false, true} {
		wanted, gotten := &bytes.Buffer{}, &bytes.Buffer{}
		if json {
			f("json", slog.NewJSONHandler(wanted, nil), NewHandler(gotten, true), wanted, gotten)
		} else {
			f("text", slog.NewTextHandler(wanted, nil), NewHandler(gotten, false), wanted, gotten)
		}
	}
}

// texts are what a line has to survive.
var texts = func() (texts []string) {
	for i := range 0x200 {
		texts = append(texts, string(rune(i)), "a"+string([]byte{byte(i)})+"b")
	}
	return append(texts, "", " ", "GET /auth/token", "a=b", `a\b`, `"`, "[redacted]", "<script>&", "\u2028", "\u2029", "\ufffd",
		"\ufeff", "\U0001F600", "\xed\xa0\x80", "x\nlevel=ERROR msg=forged", `","level":"ERROR`, strings.Repeat("x", 9000))
}()

// TestLines compares each kind of value with what slog writes.
func TestLines(t *testing.T) {
	zone := time.FixedZone("", -(3*60*60 + 25*60))
	times := []time.Time{
		{}, time.Now(), time.Unix(0, 0), time.Unix(1, 1).UTC(), time.Unix(1e9, 999_999_999).UTC(), time.Unix(1e9, 120_000_000).In(zone),
		time.Unix(1e9, 0).UTC(), time.Unix(1<<40, 0), time.Unix(-1, 0), time.UnixMilli(1e12).Add(time.Nanosecond),
	}
	values := []slog.Value{
		slog.IntValue(0), slog.Int64Value(math.MinInt64), slog.Uint64Value(math.MaxUint64), slog.BoolValue(true),
		slog.Float64Value(0.1), slog.Float64Value(math.NaN()), slog.TimeValue(time.Unix(1, 2)), slog.AnyValue(nil),
		slog.AnyValue(errors.New("it failed")), slog.AnyValue([]byte("bytes")), slog.AnyValue([]string{"a", "b"}),
		slog.GroupValue(), slog.GroupValue(slog.String("inner", "x")), slog.AnyValue(slog.LevelWarn),
	}
	for _, d := range []time.Duration{0, 1, 1500, time.Millisecond, -time.Second, 61*time.Minute + 1, math.MaxInt64, math.MinInt64} {
		values = append(values, slog.DurationValue(d))
	}
	for _, text := range texts {
		values = append(values, slog.StringValue(text))
	}
	both(func(name string, want, got slog.Handler, wanted, gotten *bytes.Buffer) {
		check := func(at time.Time, level slog.Level, message string, attributes ...slog.Attr) {
			t.Helper()
			record := slog.NewRecord(at, level, message, 0)
			record.AddAttrs(attributes...)
			wanted.Reset()
			gotten.Reset()
			if err := errors.Join(want.Handle(t.Context(), record), got.Handle(t.Context(), record)); err != nil {
				t.Fatal(err)
			}
			if wanted.String() != gotten.String() {
				t.Errorf("%s: %q, want %q", name, gotten, wanted)
			}
		}
		for _, at := range times {
			check(at, slog.LevelInfo, "request")
		}
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, 1, -100} {
			check(times[1], level, "request", slog.Int("status", 200))
		}
		for _, text := range texts {
			check(times[1], slog.LevelInfo, text, slog.Int(text, 1))
		}
		for _, value := range values {
			check(times[1], slog.LevelInfo, "request", slog.Attr{Key: "value", Value: value})
			check(times[1], slog.LevelInfo, "request", slog.Attr{Value: value}, slog.String("status", "a b"))
		}
	})
}

// FuzzLines compares lines of texts and numbers with those of slog.
func FuzzLines(f *testing.F) {
	for _, text := range texts {
		f.Add(text, "error", text, int64(0), int64(404))
	}
	f.Fuzz(func(t *testing.T, message, key, text string, at, number int64) {
		record := slog.NewRecord(time.Unix(0, at), slog.LevelInfo, message, 0)
		record.AddAttrs(slog.Int64("status", number), slog.Duration("took", time.Duration(number)), slog.String(key, text))
		both(func(name string, want, got slog.Handler, wanted, gotten *bytes.Buffer) {
			if err := errors.Join(want.Handle(t.Context(), record), got.Handle(t.Context(), record)); err != nil {
				t.Fatal(err)
			}
			if wanted.String() != gotten.String() {
				t.Errorf("%s: %q, want %q", name, gotten, wanted)
			}
		})
	})
}

// TestDerived: attributes and groups that were added before are not lost.
func TestDerived(t *testing.T) {
	both(func(name string, want, got slog.Handler, wanted, gotten *bytes.Buffer) {
		record := slog.NewRecord(time.Now(), slog.LevelInfo, "one", 0)
		record.AddAttrs(slog.Int("number", 1))
		for _, h := range []slog.Handler{want, got} {
			h = h.WithAttrs([]slog.Attr{slog.String("writer", "a")}).WithGroup("line")
			if err := h.Handle(t.Context(), record); err != nil {
				t.Fatal(err)
			}
		}
		if wanted.String() != gotten.String() {
			t.Errorf("%s: %q, want %q", name, gotten, wanted)
		}
	})
}

// writes counts what is written, and fails the test if that is not one line at a
// time.
type writes struct {
	*testing.T
	n int
}

func (w *writes) Write(p []byte) (int, error) {
	if w.n++; bytes.Count(p, []byte("\n")) != 1 || p[len(p)-1] != '\n' {
		w.Errorf("written at once: %q", p)
	}
	return len(p), nil
}

// TestOneWrite: each line is one write, so that no other comes between.
func TestOneWrite(t *testing.T) {
	for _, json := range []bool{false, true} {
		w := &writes{T: t}
		log := slog.New(NewHandler(w, json))
		for _, text := range texts {
			log.Info(text, "key", text)
		}
		if w.n != len(texts) {
			t.Errorf("%d writes for %d lines", w.n, len(texts))
		}
	}
}

// usual is a line as it is written for each request.
var usual = []slog.Attr{
	slog.String("method", "GET"), slog.String("route", "GET /auth/token"), slog.Int("status", 404),
	slog.Duration("duration", 21345*time.Nanosecond), slog.String("error", "no_token"), slog.String("request_id", "3w5e11264sgsf"),
}

func BenchmarkLine(b *testing.B) {
	for name, h := range map[string]slog.Handler{
		"slog/text": slog.NewTextHandler(io.Discard, nil), "quick/text": NewHandler(io.Discard, false),
		"slog/json": slog.NewJSONHandler(io.Discard, nil), "quick/json": NewHandler(io.Discard, true),
	} {
		b.Run(name, func(b *testing.B) {
			record := slog.NewRecord(time.Now(), slog.LevelInfo, "request", 0)
			record.AddAttrs(usual...)
			b.ReportAllocs()
			for b.Loop() {
				_ = h.Handle(context.Background(), record)
			}
		})
	}
}

// BenchmarkLines writes through all of a log's handlers.
func BenchmarkLines(b *testing.B) {
	log := New(io.Discard, func(w io.Writer) slog.Handler { return NewHandler(w, false) })
	defer log.Close()
	lines := NewLines(log.Handler())
	for name, write := range map[string]func(){
		"slog":  func() { log.LogAttrs(context.Background(), slog.LevelInfo, "request", usual...) },
		"Lines": func() { lines.Write(time.Now(), "request", usual) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				write()
			}
		})
	}
}
