package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// drainTime bounds a shutdown. Waiting apps are answered at once, other
// requests within [api.AnswerTime] at worst; systemd and containers grant more.
const drainTime = 10 * time.Second

// drain ends a server so that every client with a connection gets an answer: it
// stops accepting, serves the new connections, and closes the idle ones. It cuts
// off what is left when ctx ends. The error of Serve comes from stopped.
func drain(
	ctx context.Context, server *http.Server, listener net.Listener, stopped <-chan error, fresh *newcomers,
) error {
	// Clients of a socket that the service manager holds queue from now on.
	if err := listener.Close(); err != nil {
		return fmt.Errorf("stop listening: %w", err)
	}
	<-stopped
	fresh.wait(ctx)
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("shut down: %w", err), server.Close())
	}
	return nil
}

// newcomers are the connections that have not had their first answer. As soon
// as [http.Server.Shutdown] is called, net/http hangs up on their requests.
type newcomers struct {
	conns sync.Map // net.Conn -> nothing
	open  sync.WaitGroup
}

// record is a [http.Server.ConnState].
func (n *newcomers) record(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		n.open.Add(1)
		n.conns.Store(conn, nil)
	case http.StateIdle, http.StateClosed, http.StateHijacked:
		if _, ok := n.conns.LoadAndDelete(conn); ok {
			n.open.Done()
		}
	}
}

// wait returns when there are none, or ctx ends. The server must not accept
// connections any more.
func (n *newcomers) wait(ctx context.Context) {
	none := make(chan struct{})
	go func() { // ends with the last connection
		n.open.Wait()
		close(none)
	}()
	select {
	case <-none:
	case <-ctx.Done():
	}
}
