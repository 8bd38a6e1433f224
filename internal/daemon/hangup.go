package daemon

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// ignoreHangup has SIGHUP do nothing but write a log line: whoever sends it to
// a service wants it to read its settings again, not to end. On a terminal it
// still ends the server, which nobody sees any longer. The function it returns
// restores what was.
func ignoreHangup(stderr io.Writer, log *slog.Logger) (restore func()) {
	if file, ok := stderr.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return func() {}
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-hangups:
				log.Info("SIGHUP changes nothing; restart the server to have it read its settings")
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		signal.Stop(hangups)
		cancel()
		<-done
	}
}
