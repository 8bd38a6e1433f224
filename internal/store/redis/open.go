// Package redis keeps entries in Redis 6.2 or newer, or in Valkey, so that
// several servers can share them: a single server, one with replicas under
// Sentinel, or a cluster.
//
// An entry is one string: eight bytes of expiry, as Unix milliseconds by the
// clock of the server that wrote it, and the value. Scripts check and change it
// in one step, and publish the entry's key on a channel that all servers listen
// to, each on a connection of its own, to wake the watchers of the entry.
//
// Every operation ends within [CallTimeout], and none is ever sent twice: an
// operation whose answer is lost reports an error, and may have happened. The end
// of a caller's context does not interrupt it, so that no entry is taken without
// being returned.
//
// Replication in Redis is asynchronous. What that means when a primary fails
// over is in docs/operating.md.
package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/rueidis"

	"github.com/desktop-stack-serv/dss/internal/store"
)

const (
	openTimeout = 10 * time.Second
	dialTimeout = 2 * time.Second
	// pingEvery and pingTime find a connection that is dead without saying
	// so, within the sum of twice the first and the second.
	pingEvery = time.Second
	pingTime  = CallTimeout
	// refreshEvery is how often sentinels or nodes are asked who is primary,
	// besides after every failure.
	refreshEvery = 5 * time.Second
	// flushDelay is how long a connection that many callers share may collect
	// commands before it sends them (BenchmarkPair). A caller alone does not wait.
	flushDelay = 100 * time.Microsecond
	// bufferSize is that of each connection's two buffers, and ringScale the
	// logarithm of how many commands it has under way at most.
	bufferSize = 16 << 10
	ringScale  = 8

	minMajor, minMinor = 6, 2

	errNoOpening = store.Trouble("no answer from Redis within ten seconds")
)

// Open connects to the engine at a URL, and returns when that has answered or
// after ten seconds. A store that has been open once survives any outage of it.
func Open(ctx context.Context, url string, limits store.Limits, log *slog.Logger) (*Store, error) {
	c, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	all := &links{}
	client, err := connect(ctx, c.option(all))
	if err != nil {
		return nil, fmt.Errorf("open store: %w", c.explainOpening(err))
	}
	if err := check(ctx, client, c); err != nil {
		client.Close()
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{&state{
		client: client, links: all, config: c, names: names{c.prefix}, subscription: store.NewSubscription(), log: log,
		now: time.Now, grace: grace,
	}, limits}
	s.gauge = store.NewGauge(limits, s.count, func() time.Time { return s.now() })
	return s, nil
}

// option returns the driver's settings. It must never send anything twice, so
// ConnLifetime, which does, stays unset. Only what Redis refuses as MOVED is sent
// again.
func (c *config) option(all *links) rueidis.ClientOption {
	dialer := net.Dialer{Timeout: dialTimeout, KeepAlive: pingEvery}
	return rueidis.ClientOption{
		InitAddress: c.addresses,
		Username:    c.user,
		Password:    c.password,
		SelectDB:    c.database,
		ClientName:  "dss",
		TLSConfig:   c.tls,
		Dialer:      dialer,
		DialCtxFn:   all.dial,
		Sentinel: rueidis.SentinelOption{
			MasterSet: c.masterSet, Username: c.sentinelUser, Password: c.sentinelPassword, ClientName: "dss",
			TLSConfig: c.tls, Dialer: dialer, TopologyRefreshInterval: refreshEvery,
		},
		ClusterOption:       rueidis.ClusterOption{ShardsRefreshInterval: refreshEvery, MaxMovedRedirections: 5},
		ClientSetInfo:       rueidis.DisableClientSetInfo,
		ConnWriteTimeout:    pingTime,
		ReadBufferEachConn:  bufferSize,
		WriteBufferEachConn: bufferSize,
		RingScaleEachConn:   ringScale,
		MaxFlushDelay:       flushDelay,
		BlockingPoolSize:    4,
		DisableCache:        true,
		DisableRetry:        true,
		AlwaysPipelining:    true, // notices at once that a connection is closed
	}
}

// connect makes the driver's client, which takes no context.
func connect(ctx context.Context, option rueidis.ClientOption) (rueidis.Client, error) {
	done := start(func() (rueidis.Client, error) { return rueidis.NewClient(option) })
	select {
	case o := <-done:
		return o.result, o.err
	case <-ctx.Done():
		go func() {
			if o := <-done; o.err == nil {
				o.result.Close()
			}
		}()
		return nil, errNoOpening
	}
}

// explainOpening says what else may be wrong when the first connection fails.
func (c *config) explainOpening(err error) error {
	explained := explain(err)
	refusal, refused := rueidis.IsRedisErr(err)
	says := func(words string) bool { return refused && strings.Contains(refusal.Error(), words) }
	switch {
	case c.tls != nil && errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w; does the server speak TLS on this port?", explained)
	case c.tls == nil && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)):
		return fmt.Errorf("%w; if the server wants TLS, start the URL with rediss://", explained)
	case c.masterSet != "" && says("unknown command"):
		return errors.New("with master_set the URL must name sentinels, and this is not one")
	case c.masterSet != "" && (says("No such master") || refused && refusal.IsNil()):
		return fmt.Errorf("the sentinels know no master_set %q", c.masterSet)
	case len(c.addresses) > 1 && says("cluster support disabled"):
		return errors.New("the URL names several servers, which is for a cluster, but this Redis is not part of one; " +
			"for Sentinel add master_set")
	case c.database != 0 && says("SELECT is not allowed in cluster mode"):
		return errors.New("a cluster has only database 0")
	case says("DB index"):
		return fmt.Errorf("the server has no database %d", c.database)
	}
	return explained
}

// check asks the server for what must be true from the start.
func check(ctx context.Context, client rueidis.Client, c *config) error {
	if err := client.Do(ctx, client.B().Ping().Build()).Error(); err != nil {
		return explain(err)
	}
	hello, err := client.Do(ctx, client.B().Hello().Build()).AsMap()
	if err != nil {
		return fmt.Errorf("the server does not report its version, and DSS needs Redis %d.%d or newer, or Valkey: %w",
			minMajor, minMinor, explain(err))
	}
	field := func(name string) string {
		message := hello[name]
		text, _ := message.ToString()
		return text
	}
	protocol := hello["proto"]
	if n, _ := protocol.AsInt64(); n < 3 {
		return errors.New("the server does not speak RESP3: connect to Redis itself, without a proxy that speaks " +
			"only RESP2")
	}
	switch version := field("version"); {
	case !newEnough(version):
		return fmt.Errorf("this is version %s; DSS needs Redis %d.%d or newer, or Valkey", version, minMajor, minMinor)
	case field("mode") == "sentinel":
		return errors.New("this is a Sentinel: add master_set with the name of what it watches")
	case field("role") == "replica" && client.Mode() == rueidis.ClientModeStandalone:
		return errors.New("this Redis is a replica, which cannot be written to: connect to the primary")
	}
	return nil
}

func newEnough(version string) bool {
	var major, minor int
	_, err := fmt.Sscanf(version, "%d.%d", &major, &minor)
	return err == nil && (major > minMajor || major == minMajor && minor >= minMinor)
}

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
func (l *links) dial(
	ctx context.Context, address string, dialer *net.Dialer, config *tls.Config,
) (conn net.Conn, err error) {
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
