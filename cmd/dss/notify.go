package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

// What the service manager hears (sd_notify(3)).
const (
	stateReady    = "READY=1"
	stateStopping = "STOPPING=1"
	stateAlive    = "WATCHDOG=1"
)

// tellTime bounds how long telling the service manager may take.
const tellTime = time.Second

// manager is the service manager, if there is one to tell. The zero value
// tells nobody.
type manager struct {
	address string        // a Unix datagram socket; an @ stands for one without a file
	every   time.Duration // how often it wants to hear that the server is alive; 0 if it does not
}

// newManager reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and unsets
// them: they are for this process only.
func newManager(env func(string) string) manager {
	var m manager
	m.address = env("NOTIFY_SOCKET")
	limit := env("WATCHDOG_USEC")
	pid := env("WATCHDOG_PID")
	if usec, err := strconv.ParseInt(limit, 10, 64); err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		m.every = time.Duration(usec) * time.Microsecond / 2
	}
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		_ = os.Unsetenv(name) // only a child could mind, and there is none
	}
	return m
}

// tell sends a state. The server works as well if nobody hears it.
func (m manager) tell(state string, log *slog.Logger) {
	if m.address == "" {
		return
	}
	if err := m.send(state); err != nil {
		log.Warn("the service manager cannot be told", "state", state, "err", err)
	}
}

func (m manager) send(state string) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.address, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	defer conn.Close()
	err = conn.SetWriteDeadline(time.Now().Add(tellTime)) // a full queue must not hold the server up
	if err == nil {
		_, err = conn.Write([]byte(state))
	}
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	return nil
}

// watch tells the manager again and again that the server is alive, each time
// after ready has answered; what it answers does not matter, as a restart
// would not mend a store. The function it returns ends that.
func (m manager) watch(ready http.HandlerFunc, log *slog.Logger) (stop func()) {
	if m.address == "" || m.every == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(m.every)
		defer ticker.Stop()
		for {
			probeReadiness(ctx, ready)
			m.tell(stateAlive, log)
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

func probeReadiness(ctx context.Context, ready http.HandlerFunc) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "/readyz", nil)
	if err == nil {
		ready(nowhere{}, request)
	}
}

// nowhere takes an answer that nobody reads.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}
