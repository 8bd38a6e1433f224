package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

// What a socket passed by the service manager is for, by its name
// (FileDescriptorName= in a socket unit). One without any of these names is
// the main one.
const (
	socketMain  = "https"
	socketPlain = "http"
	socketAdmin = "admin"
)

// firstSocket is the first file descriptor that is passed (sd_listen_fds(3)).
const firstSocket = 3

// sockets are the listeners that the service manager has passed and nobody
// has taken so far. Clients queue in them while the process restarts.
type sockets map[string]net.Listener

// inherit takes over what is passed by LISTEN_PID, LISTEN_FDS and
// LISTEN_FDNAMES, and unsets these variables: they are for this process only.
func inherit(env func(string) string) (sockets, error) {
	names, err := passedNames(env)
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		err = errors.Join(err, os.Unsetenv(name))
	}
	s := sockets{}
	for i, name := range names {
		if err == nil {
			err = s.add(name, firstSocket+i)
		}
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// passedNames returns the name of each socket that is meant for this process.
func passedNames(env func(string) string) ([]string, error) {
	count := env("LISTEN_FDS")
	if count == "" || env("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > 16 {
		return nil, usagef("LISTEN_FDS must be a number up to 16, not %q", count)
	}
	names := make([]string, n)
	for i, name := range strings.Split(env("LISTEN_FDNAMES"), ":") {
		if i < n {
			names[i] = name
		}
	}
	return names, nil
}

func (s sockets) add(name string, descriptor int) error {
	file := os.NewFile(uintptr(descriptor), "socket")
	defer file.Close() // the listener has a copy, which no child inherits
	if !slices.Contains([]string{socketMain, socketPlain, socketAdmin}, name) {
		name = socketMain
	}
	if s[name] != nil {
		return usagef("two sockets named %q are passed; one is enough, as [::]:443 takes IPv4 too", name)
	}
	listener, err := net.FileListener(file)
	if err != nil {
		return usagef("descriptor %d is no listening stream socket (LISTEN_FDS): %v", descriptor, err)
	}
	s[name] = listener
	return nil
}

// listen returns the passed listener with the first of these names that there
// is, or binds address.
func (s sockets) listen(address string, names ...string) (net.Listener, error) {
	for _, name := range names {
		if listener := s[name]; listener != nil {
			delete(s, name)
			return listener, nil
		}
	}
	return net.Listen("tcp", address)
}

// listenMain returns where the public is served.
func (c *config) listenMain() (net.Listener, error) {
	listener, err := c.sockets.listen(c.listen, c.mainSockets()...)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return listener, nil
}

// lookAtSockets refuses to serve others than this machine under no name.
func (c *config) lookAtSockets() error {
	for _, name := range c.mainSockets() {
		if listener := c.sockets[name]; listener != nil && c.publicURL == "" && !isLoopback(listener.Addr()) {
			return usagef("the socket %v is reachable from elsewhere: say with --public-url under which URL", listener.Addr())
		}
	}
	return nil
}

// mainSockets are the names of sockets for the public, the best first.
func (c *config) mainSockets() []string {
	if c.https.enabled() { // the other one is where HTTP leads to HTTPS
		return []string{socketMain}
	}
	return []string{socketMain, socketPlain}
}

// has reports whether a listener with one of these names is passed.
func (s sockets) has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return s[name] != nil })
}

func isLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && origin.IsLoopback(tcp.IP.String())
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

// rest refuses sockets that nobody has taken: clients would wait in them.
func (s sockets) rest() error {
	for name := range s {
		return usagef("a socket named %q is passed, which these settings have no use for", name)
	}
	return nil
}

func (s sockets) close() {
	for _, listener := range s {
		listener.Close()
	}
}
