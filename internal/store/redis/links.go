package redis

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// dropPause is the shortest time between two drops.
const dropPause = time.Second

// links are the open connections. A service with one address for whichever
// server is primary may leave connections to the old primary open, which is
// then a replica and refuses all changes: dropping them leads to the new one.
type links struct {
	mu      sync.Mutex
	open    map[*link]struct{}
	dropped time.Time
}

type link struct {
	net.Conn
	all *links
}

// dial is how the driver connects.
func (l *links) dial(ctx context.Context, address string, dialer *net.Dialer, config *tls.Config) (conn net.Conn, err error) {
	if config == nil {
		conn, err = dialer.DialContext(ctx, "tcp", address)
	} else {
		conn, err = (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return nil, err
	}
	k := &link{conn, l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = map[*link]struct{}{}
	}
	l.open[k] = struct{}{}
	return k, nil
}

// Close implements [net.Conn].
func (k *link) Close() error {
	k.all.mu.Lock()
	delete(k.all.open, k)
	k.all.mu.Unlock()
	return k.Conn.Close()
}

// drop closes all connections, so that the next operations connect anew.
func (l *links) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.dropped) < dropPause {
		return
	}
	l.dropped = time.Now()
	for k := range l.open {
		_ = k.Conn.Close() // the driver finds out, and calls Close
	}
}

// isReadOnly reports whether a replica has refused a change.
func isReadOnly(err error) bool {
	refusal, refused := rueidis.IsRedisErr(err)
	return refused && refusalCode(refusal.Error()) == "READONLY"
}
