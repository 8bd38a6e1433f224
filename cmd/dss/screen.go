package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	qr "github.com/piglig/go-qr"
	"golang.org/x/term"

	"github.com/desktop-stack-serv/dss/internal/web/text"
)

// screen is standard error, for people.
type screen struct {
	w        io.Writer
	language *text.Language
	columns  int  // 0 if it is not a terminal
	rows     int  // 0 if unknown
	dumb     bool // a terminal that only prints line after line
	colors   bool
	light    bool // the background, as far as it is known

	mu      sync.Mutex // held while a line is written
	turning int        // columns of the spinner's line
}

func newScreen(w io.Writer, env func(string) string) *screen {
	s := &screen{w: w, language: text.All.Locale(env)}
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return s
	}
	s.columns = 80
	if width, height, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
		s.columns, s.rows = width, max(height, 0)
	}
	s.readEnvironment(env)
	s.colors = s.colors && enableColors(file)
	return s
}

// locales are the languages for the server's pages. English is none: it is the default
// of most systems, and the browser knows better what its user reads.
func (s *screen) locales() []string {
	if s.language == text.English {
		return nil
	}
	return []string{s.language.Tag}
}

// readEnvironment reads what the environment says about the terminal
// (https://no-color.org).
func (s *screen) readEnvironment(env func(string) string) {
	s.dumb = env("TERM") == "dumb" || s.columns < 32 // where the spinner's line would wrap
	s.colors = env("NO_COLOR") == "" && !s.dumb
	colors := env("COLORFGBG") // such as 0;15, where 7 and 15 are white
	s.light = strings.HasSuffix(colors, ";7") || strings.HasSuffix(colors, ";15")
}

// printf prints in place of the spinner's line, if there is one. It ignores
// errors: the sign-in may go on without a reader.
func (s *screen) printf(format string, arguments ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turning > 0 {
		fmt.Fprintf(s.w, "\r%s\r", strings.Repeat(" ", s.turning))
	}
	fmt.Fprintf(s.w, format, arguments...)
}

// spin shows a spinner. The function it returns ends it.
func (s *screen) spin(message string) (stop func()) {
	if s.columns == 0 || s.dumb {
		s.printf("%s.\n", message)
		return func() {}
	}
	end := inBackground(func(done <-chan struct{}) {
		frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
		ticker := time.NewTicker(120 * time.Millisecond)
		defer ticker.Stop()
		for i := 0; ; i++ {
			s.mu.Lock()
			s.turning = width(message) + 4 // with the ^C that terminals may add
			fmt.Fprintf(s.w, "\r%c %s", frames[i%len(frames)], message)
			s.mu.Unlock()
			select {
			case <-ticker.C:
			case <-done:
				return
			}
		}
	})
	return func() {
		end()
		s.printf("")
		s.turning = 0
	}
}

// width is how many columns text takes, as far as that matters here: letters of East
// Asia take two.
func width(text string) (columns int) {
	for _, r := range text {
		columns++
		if r >= 0x1100 {
			columns++
		}
	}
	return columns
}

// quietZone is how wide the empty border of a QR code has to be, in modules
// (ISO/IEC 18004).
const quietZone = 4

// besideQR is how many lines of text share the screen with the code. None of
// them may scroll away.
const besideQR = 10

// drawQR draws a QR code if there is a terminal that has room for it.
func (s *screen) drawQR(text string) {
	if s.columns == 0 || s.dumb {
		return
	}
	code, err := qr.EncodeText(text, qr.Low)
	if err != nil {
		return
	}
	modules := code.Size() + 2*quietZone // on each side; a line shows two rows of them
	if modules <= s.columns && (s.rows == 0 || (modules+1)/2+besideQR <= s.rows) {
		s.printf("%s\n", s.qrLines(code))
	}
}

// qrLines draws two rows of modules per line. Without colours the ink is the
// terminal's own: on a light background the dark modules are drawn, on a dark
// one the light modules.
func (s *screen) qrLines(code *qr.QrCode) string {
	ink := func(x, y int) bool { return code.Module(x, y) == (s.colors || s.light) }
	var start, end string
	if s.colors { // black on white: themes leave these two alone, which are in the colour cube
		start, end = "\x1b[38;5;16;48;5;231m", "\x1b[0m"
	}
	var b strings.Builder
	for y := -quietZone; y < code.Size()+quietZone; y += 2 {
		b.WriteString(start)
		for x := -quietZone; x < code.Size()+quietZone; x++ {
			b.WriteString(halfBlock(ink(x, y), ink(x, y+1)))
		}
		b.WriteString(end + "\n")
	}
	return b.String()
}

func halfBlock(upper, lower bool) string {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	}
	return " "
}
