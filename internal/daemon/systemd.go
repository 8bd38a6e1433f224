package daemon

import (
	"context"
	"log/slog"
	"net"
	"os"
	"slices"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	systemd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

// What a socket passed by the service manager is for, by its name
// (FileDescriptorName= in a socket unit). Any other name means the main one.
const (
	socketMain  = "https"
	socketPlain = "http"
	socketAdmin = "admin"
)

// sockets are the listeners that the service manager has passed and that no
// part of the server has taken yet. Clients queue in them during a restart.
type sockets map[string]net.Listener

// inherit takes over the sockets that are passed to this process
// (sd_listen_fds(3)).
func inherit() (sockets, error) {
	s := sockets{}
	var err error
	for _, file := range activation.Files(true) {
		if err == nil {
			err = s.add(file)
		}
		file.Close() // the listener has a copy, which no child inherits
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s sockets) add(file *os.File) error {
	name := file.Name()
	if name != socketPlain && name != socketAdmin {
		name = socketMain
	}
	if s[name] != nil {
		return mistake("two sockets named %q are passed; one is enough, as [::]:443 takes IPv4 too", name)
	}
	descriptor := file.Fd()
	listener, err := net.FileListener(file)
	if err != nil {
		return mistake("descriptor %d is not a listening stream socket (LISTEN_FDS): %v", descriptor, err)
	}
	s[name] = listener
	return nil
}

// listen takes the first passed listener with one of these names, or binds
// address.
func (s sockets) listen(address string, names ...string) (net.Listener, error) {
	for _, name := range names {
		if listener := s[name]; listener != nil {
			delete(s, name)
			return listener, nil
		}
	}
	return net.Listen("tcp", address)
}

// has reports whether a listener with one of these names is passed.
func (s sockets) has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return s[name] != nil })
}

// unix reports whether the public is served on a Unix socket.
func (s sockets) unix() bool {
	for name, listener := range s {
		if name != socketAdmin && listener.Addr().Network() == "unix" {
			return true
		}
	}
	return false
}

// checkPrivate refuses to serve other machines without a public URL.
func (s sockets) checkPrivate(names []string) error {
	for _, name := range names {
		if listener := s[name]; listener != nil && !isLoopback(listener.Addr()) {
			return mistake("the socket %v is reachable from elsewhere: say with --public-url under which URL", listener.Addr())
		}
	}
	return nil
}

func isLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && origin.IsLoopback(tcp.IP.String())
}

// checkTaken refuses sockets that no part has taken: clients would wait in them.
func (s sockets) checkTaken() error {
	for name := range s {
		return mistake("a socket named %q is passed, which these settings have no use for", name)
	}
	return nil
}

func (s sockets) close() {
	for _, listener := range s {
		listener.Close()
	}
}

// manager is the service manager. The zero value stands for none.
type manager struct {
	address string        // a Unix datagram socket; an abstract one begins with @
	every   time.Duration // how often to say that the server is alive; 0 is never
}

// newManager reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and unsets
// them: they are for this process only.
func newManager(log *slog.Logger) manager {
	m := manager{address: os.Getenv("NOTIFY_SOCKET")}
	_ = os.Unsetenv("NOTIFY_SOCKET") // only a child could mind, and there is none
	interval, err := systemd.SdWatchdogEnabled(true)
	if err != nil {
		log.Warn("the service manager's watchdog is off", "err", err)
	}
	m.every = interval / 2
	return m
}

// notify sends a state (sd_notify(3)). Unlike systemd.SdNotify it has a
// deadline: a manager that does not read must not hold the server up. The server
// works as well without one.
func (m manager) notify(state string, log *slog.Logger) {
	if m.address == "" {
		return
	}
	conn, err := net.Dial("unixgram", m.address)
	if err == nil {
		defer conn.Close()
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second)) // fails on a closed connection only
		_, err = conn.Write([]byte(state))
	}
	if err != nil {
		log.Warn("the service manager cannot be told", "state", state, "err", err)
	}
}

// watch notifies the manager again and again that the server is alive, each
// time after the store has been probed. The store's error is logged, and does
// not matter to the manager, as a restart would not mend it. The function it
// returns ends the watch.
func (m manager) watch(ready func(context.Context) error, log *slog.Logger) (stop func()) {
	if m.address == "" || m.every == 0 {
		return func() {}
	}
	return runBackground("watchdog", func(ctx context.Context) error {
		ticker := time.NewTicker(m.every)
		defer ticker.Stop()
		for {
			probe, cancel := context.WithTimeout(ctx, m.every)
			if err := ready(probe); err != nil && ctx.Err() == nil {
				log.Warn("not ready", "err", err)
			}
			cancel()
			m.notify(systemd.SdNotifyWatchdog, log)
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return nil
			}
		}
	}, log)
}
