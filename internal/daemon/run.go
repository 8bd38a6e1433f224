package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/term"

	"github.com/desktop-stack-serv/dss/internal/certs"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/limit"
	"github.com/desktop-stack-serv/dss/internal/logger"
	"github.com/desktop-stack-serv/dss/internal/metrics"
)

// Process is what a server gets from the process that runs it.
type Process struct {
	Stdout   io.Writer // gets the line with the URL when the server is ready
	Stderr   io.Writer // gets the log
	Build    metrics.Build
	Warnings []string // about the environment; logged at a start
}

// daemon is a server that runs: its parts, and what to stop.
type daemon struct {
	*examination
	build    metrics.Build
	metrics  *metrics.Metrics // nil without an admin server
	origin   *url.URL         // the public URL
	server   *httpapi.Server
	ready    func(context.Context) error // of the store
	listener net.Listener                // for the public
	source   certs.Source                // nil over plain HTTP
	contract atomic.Pointer[checked]     // nil before a check
	manager  manager

	stops []func() // in the order in which the parts have started
}

// Run runs a server until a signal or the end of ctx stops it. SIGTERM and
// SIGINT drain it first; a second signal ends the process at once. A
// [SettingError] says that the settings do not work on this machine.
func Run(ctx context.Context, settings Settings, process Process) error {
	defer runtime.KeepAlive(newBallast())
	signal.Ignore(syscall.SIGPIPE) // a server outlives the reader of its log
	plan, err := settings.plan()
	if err != nil {
		return err
	}
	sockets, err := inherit()
	if err != nil {
		return err
	}
	ctx, restoreSignals := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer restoreSignals()
	written := logger.New(process.Stderr, func(w io.Writer) slog.Handler {
		return logger.NewHandler(w, plan.LogFormat == "json")
	})
	d := &daemon{examination: &examination{plan: plan, sockets: sockets, log: written.Logger}, build: process.Build}
	defer d.stop()
	d.onStop(sockets.close)
	d.onStop(written.Close)
	d.onStop(ignoreHangup(process.Stderr, d.log))
	if err := d.start(ctx, process, written); err != nil {
		return err
	}
	return d.serve(ctx, restoreSignals)
}

func (d *daemon) onStop(f func()) { d.stops = append(d.stops, f) }

// stop stops the parts, the last one first.
func (d *daemon) stop() {
	for _, f := range slices.Backward(d.stops) {
		f()
	}
}

// start starts the parts, and says so when all are ready.
func (d *daemon) start(ctx context.Context, process Process, written *logger.Log) error {
	if err := d.examine(process.Warnings); err != nil {
		return err
	}
	if d.hasAdmin() {
		d.metrics = metrics.New(d.build, limit.Names())
		d.metrics.Log(written)
	}
	opened, err := d.kind.open(ctx, d.Store, d.limits(), d.log)
	if err != nil {
		return err
	}
	d.onStop(func() { opened.Close() })
	d.onStop(runBackground("store", opened.Run, d.log))
	if d.listener, err = d.sockets.listen(d.listen, d.mainSockets()...); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	d.onStop(func() { d.listener.Close() })
	d.origin = d.publicAt(d.listener.Addr())
	if err := d.newServer(opened); err != nil {
		return err
	}
	d.listener = d.bounded(d.listener)
	if err := d.startAdmin(); err != nil {
		return err
	}
	if err := d.startHTTPS(ctx, opened); err != nil {
		return err
	}
	if err := d.sockets.checkTaken(); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(process.Stdout, "DSS is ready at", d.origin); err != nil {
		d.log.Warn("standard output cannot be written to", "err", err)
	}
	d.manager = newManager(d.log)
	d.manager.notify(systemd.SdNotifyReady, d.log)
	d.onStop(d.manager.watch(d.ready, d.log))
	return nil
}

// examine logs warnings only if there is no problem: the reason why a server
// does not start must not get lost among them.
func (d *daemon) examine(warnings []string) error {
	for _, d.log = range []*slog.Logger{slog.New(slog.DiscardHandler), d.log} {
		if err := d.check(warnings, func(string, string) {}); err != nil {
			return err
		}
	}
	return nil
}

// runBackground starts the background work of a part. The function it returns
// ends it, and returns when it has ended.
func runBackground(part string, run func(context.Context) error, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := run(ctx); err != nil {
			log.Error(part+" stopped", "err", err)
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

// serveInBackground serves on a listener until the part is stopped.
func (d *daemon) serveInBackground(part string, server *http.Server, listener net.Listener) {
	stop := runBackground(part, func(context.Context) error {
		if err := server.Serve(listener); err != http.ErrServerClosed {
			return err
		}
		return nil
	}, d.log)
	d.onStop(func() {
		server.Close()
		stop()
	})
}

// serve serves the public until ctx ends, then drains.
func (d *daemon) serve(ctx context.Context, restoreSignals func()) error {
	server, fresh := newHTTPServer(d.server.Handler(), d.log), &newcomers{}
	server.ConnState = fresh.record
	failed := make(chan error, 1)
	go func() { failed <- serveOn(d.listener, server, d.source) }()
	debug.FreeOSMemory() // the start leaves more garbage than the collector would now see to
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	restoreSignals() // a second signal ends the process at once
	d.log.Info("shutting down", "within", drainTime)
	d.manager.notify(systemd.SdNotifyStopping, d.log)
	deadline, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	d.server.Drain()
	time.Sleep(drainTime / 10) // for load balancers to see /readyz turn 503 before connections are refused
	return drain(deadline, server, d.listener, failed, fresh)
}

// ignoreHangup has SIGHUP write a log line and do nothing else: on a service it
// usually means to read the settings again, not to end. On a terminal it still
// ends the server, whose user is gone. The function it returns restores what was.
func ignoreHangup(stderr io.Writer, log *slog.Logger) (restore func()) {
	if file, ok := stderr.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return func() {}
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	stop := runBackground("SIGHUP", func(ctx context.Context) error {
		for {
			select {
			case <-hangups:
				log.Info("SIGHUP changes nothing; restart the server to have it read its settings")
			case <-ctx.Done():
				return nil
			}
		}
	}, log)
	return func() {
		signal.Stop(hangups)
		stop()
	}
}
