package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/display"
)

// screen is standard error, for people.
type screen struct {
	w       io.Writer
	columns int  // 0 if it is no terminal
	rows    int  // 0 if that is not known
	dumb    bool // a terminal that only prints line after line
	colors  bool
	light   bool // the background, as far as is known

	mu      sync.Mutex // held while a line is written
	turning int        // columns of the line that is written again and again
}

// narrow is the width below which a line that is written again and again would
// wrap.
const narrow = 32

func newScreen(w io.Writer, env func(string) string) *screen {
	s := &screen{w: w}
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return s
	}
	s.columns = 80
	if width, height, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
		s.columns, s.rows = width, max(height, 0)
	}
	s.dress(env)
	s.colors = s.colors && enableColors(file)
	return s
}

// dress reads what the environment says about a terminal (https://no-color.org).
func (s *screen) dress(env func(string) string) {
	s.dumb = env("TERM") == "dumb" || s.columns < narrow
	s.colors = env("NO_COLOR") == "" && !s.dumb
	colors := env("COLORFGBG") // such as 0;15, where 7 and 15 are white
	s.light = strings.HasSuffix(colors, ";7") || strings.HasSuffix(colors, ";15")
}

// printf ignores that nobody reads: the sign-in may go on all the same.
func (s *screen) printf(format string, arguments ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.w, format, arguments...)
}

// interject prints in place of the line that is written again and again.
func (s *screen) interject(format string, arguments ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	fmt.Fprintf(s.w, format, arguments...)
}

// clear wipes that line, if there is one.
func (s *screen) clear() {
	if s.turning > 0 {
		fmt.Fprintf(s.w, "\r%s\r", strings.Repeat(" ", s.turning))
	}
}

// turn writes it. With the ^C that terminals put behind it, it is longer.
func (s *screen) turn(frame rune, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turning = len(text) + 4
	fmt.Fprintf(s.w, "\r%c %s", frame, text)
}

// instruct tells the user what to do. The URL stands on a line of its own.
func (s *screen) instruct(signIn *dss.SignIn, opens bool) error {
	if !isAddress(signIn.URL) {
		return fmt.Errorf("the server sends something other than an address: %.40q", signIn.URL)
	}
	switch {
	case signIn.Flow == dss.FlowDevice:
		s.printf("To sign in, open this address, on this machine or on another one:\n\n")
	case opens:
		s.printf("Your browser opens, for you to sign in. If it does not, open this address:\n\n")
	case signIn.Flow == dss.FlowLoopback:
		s.printf("To sign in, open this address in a browser on this machine:\n\n")
	default:
		s.printf("To sign in, open this address in a browser, on this machine or on another one:\n\n")
	}
	s.printf("%s\n\n", signIn.URL)
	if !opens && signIn.Flow != dss.FlowLoopback {
		s.drawQR(signIn.URL)
	}
	if code := display.Clean(signIn.MatchCode + signIn.UserCode); code != "" {
		s.printf("The page in the browser shows this code. If it shows another one, stop:\n\n    %s\n\n", code)
	}
	return nil
}

// isAddress is false for what could steer the terminal.
func isAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && display.Clean(text) == text && !strings.Contains(text, " ")
}

var spinnerFrames = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

const spinnerPace = 120 * time.Millisecond

// spin shows that something goes on. The function it returns ends that.
func (s *screen) spin(text string) (stop func()) {
	if s.columns == 0 || s.dumb {
		s.printf("%s.\n", text)
		return func() {}
	}
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		ticker := time.NewTicker(spinnerPace)
		defer ticker.Stop()
		for i := 0; ; i++ {
			s.turn(spinnerFrames[i%len(spinnerFrames)], text)
			select {
			case <-ticker.C:
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		wait.Wait()
		s.interject("")
		s.turning = 0
	}
}
