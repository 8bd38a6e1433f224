package logger

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// reader is what reads a log: slowly, if it has to be let first.
type reader struct {
	text    bytes.Buffer
	longest int
	let     chan struct{} // nil lets all
}

func (r *reader) Write(p []byte) (int, error) {
	if r.let != nil {
		<-r.let
	}
	r.longest = max(r.longest, len(p))
	return r.text.Write(p)
}

func text(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) }

// TestAllLines of many writers arrive whole, and those of one in their order.
func TestAllLines(t *testing.T) {
	const writers, each = 20, 500
	var r reader
	log := New(&r, text)
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			mine := log.With("writer", i).WithGroup("line")
			for j := range each {
				mine.Info("one", "number", j)
			}
		})
	}
	all.Wait()
	log.Close()
	whole := regexp.MustCompile(`^time=\S+ level=INFO msg=one writer=(\d+) line.number=(\d+)\n$`)
	next := make([]int, writers)
	for line := range strings.Lines(r.text.String()) {
		match := whole.FindStringSubmatch(line)
		if match == nil {
			t.Fatalf("not a line: %q", line)
		}
		writer, _ := strconv.Atoi(match[1])
		if match[2] != strconv.Itoa(next[writer]) {
			t.Fatalf("%q instead of %d", line, next[writer])
		}
		next[writer]++
	}
	for writer, n := range next {
		if n != each {
			t.Errorf("%d lines of writer %d", n, writer)
		}
	}
	if log.Dropped() != 0 {
		t.Errorf("%d lines dropped", log.Dropped())
	}
}

// TestSlowReader: nobody waits for it, warnings have room, and the log says
// what is missing.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lines = 100_000
		r := reader{let: make(chan struct{})}
		log := New(&r, text)
		for i := range lines {
			log.Info("usual", "number", i, "padding", strings.Repeat("x", 50))
		}
		log.Warn("urgent")
		synctest.Wait()
		if log.Dropped() == 0 || r.text.Len() != 0 {
			t.Fatalf("%d lines dropped, %d bytes read", log.Dropped(), r.text.Len())
		}
		close(r.let)
		log.Close()
		got := r.text.String()
		notice := fmt.Sprintf(`level=WARN msg="lines of the log were dropped, because its reader is too slow or was gone" lines=%d`, log.Dropped())
		if read := uint64(strings.Count(got, "msg=usual")); read+log.Dropped() != lines || strings.Count(got, "msg=urgent") != 1 || strings.Count(got, notice) != 1 {
			t.Errorf("%d lines read, %d dropped; the end:\n%s", read, log.Dropped(), got[max(0, len(got)-500):])
		}
		if r.longest > atOnce {
			t.Errorf("%d bytes at once", r.longest)
		}
	})
}

// TestStuckReader: a log can be closed all the same.
func TestStuckReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reader{let: make(chan struct{})}
		log := New(&r, text)
		long := strings.Repeat("x", 3000)
		for range 3 {
			log.Info(long)
		}
		go func() { // takes two lines, slowly
			for range 2 {
				time.Sleep(closeTime - time.Millisecond)
				r.let <- struct{}{}
			}
		}()
		began := time.Now()
		log.Close()
		if took := time.Since(began); took != 3*closeTime-2*time.Millisecond {
			t.Errorf("closed after %v", took)
		}
		log.Error("too late")
		if log.Dropped() != 1 {
			t.Errorf("%d lines dropped", log.Dropped())
		}
		close(r.let)
		synctest.Wait()
		if strings.Count(r.text.String(), long) != 3 {
			t.Error("not all lines were written in the end")
		}
	})
}

// TestLongLine goes at once, however long it is.
func TestLongLine(t *testing.T) {
	r := reader{let: make(chan struct{}, 3)}
	log := New(&r, text)
	long := strings.Repeat("x", 3*atOnce)
	for _, message := range []string{"before", long, "after"} {
		log.Info(message)
		r.let <- struct{}{}
	}
	log.Close()
	if lines := strings.Split(r.text.String(), "\n"); len(lines) != 4 || !strings.HasSuffix(lines[1], long) || r.longest < len(long) {
		t.Errorf("%d lines, at most %d bytes at once", len(lines)-1, r.longest)
	}
}

// broken is a reader that is gone, and may come back.
type broken struct {
	text bytes.Buffer
	gone bool
}

func (b *broken) Write(p []byte) (int, error) {
	if b.gone {
		return 0, syscall.EPIPE
	}
	return b.text.Write(p)
}

// TestReaderGone: lines that cannot be written are counted, and told of once
// somebody reads again.
func TestReaderGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := broken{gone: true}
		log := New(&r, text)
		for range 3 {
			log.Info("lost")
			time.Sleep(gather)
			synctest.Wait()
		}
		if log.Dropped() != 3 {
			t.Errorf("%d lines dropped", log.Dropped())
		}
		r.gone = false
		log.Info("read")
		log.Close()
		got := r.text.String()
		if log.Dropped() != 3 || strings.Contains(got, "lost") || strings.Count(got, "msg=read") != 1 || strings.Count(got, "lines=3\n") != 1 {
			t.Errorf("%d lines dropped:\n%s", log.Dropped(), got)
		}
	})
}
