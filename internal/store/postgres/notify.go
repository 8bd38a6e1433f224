package postgres

import (
	"context"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
)

const (
	// quiet is how long nothing may be heard before the connection is tested.
	quiet = 10 * time.Second
	// echoTime is how long our own notification may take to come back.
	echoTime = 3 * time.Second
)

// errDeaf is the state in which everything works but LISTEN.
var errDeaf = fmt.Errorf("%w: apps that wait at this server get their answers up to 10 seconds late. "+
	"If a pooler such as PgBouncer is in between, add the database's own address to the URL: "+
	"listen=HOST:PORT", store.ErrDeaf)

// Watch implements [sealed.Store]. While the database cannot be reached it
// returns at once, and the watch fires when the subscription is back.
func (s *Store) Watch(ctx context.Context, id sealed.ID) (<-chan struct{}, error) {
	return s.subscription.Watch(ctx, prefixOf(id).id(), queueTime+batchTime)
}

// listen subscribes and passes notifications on until the connection is lost.
// See [store.Subscription.Run].
func (s *Store) listen(ctx context.Context, heard func()) error {
	conn, err := s.dialListener(ctx)
	if err != nil {
		return clearer(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	err = s.echo(ctx, conn)
	if err == nil {
		heard()
	}
	for err == nil {
		err = s.receive(ctx, conn, s.quiet)
		if isTimeout(err) && ctx.Err() == nil {
			err = s.echo(ctx, conn)
		}
	}
	return clearer(err)
}

func (s *Store) dialListener(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, queueTime+batchTime)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, s.settings.listen)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{s.table.channel}.Sanitize()); err != nil {
		_ = conn.Close(ctx)
		return nil, err
	}
	return conn, nil
}

// echo sends a notification the way that deposits do, and waits until any is
// heard: the one proof that the connection listens to the database that
// deposits go to. Where it cannot be sent, that the connection lives has to do.
func (s *Store) echo(ctx context.Context, conn *pgx.Conn) error {
	if err := s.send(ctx, nil); err != nil {
		ctx, cancel := context.WithTimeout(ctx, echoTime)
		defer cancel()
		return conn.Ping(ctx)
	}
	err := s.receive(ctx, conn, echoTime)
	if isTimeout(err) && ctx.Err() == nil {
		return errDeaf
	}
	return err
}

// receive waits for a notification, and wakes whom it is for.
func (s *Store) receive(ctx context.Context, conn *pgx.Conn, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	n, err := conn.WaitForNotification(ctx)
	if err != nil {
		return err
	}
	sender, prefixes, err := parsePayload(n.Payload)
	if err != nil || sender == s.self {
		return nil // a stranger's, or already passed on
	}
	for _, p := range prefixes {
		s.subscription.Notify(p.id())
	}
	return nil
}

const (
	// prefixSize is how much of an id others are told: enough to wake nobody
	// else, and a quarter of the whole.
	prefixSize = 8
	// maxPayload is one byte less than what PostgreSQL refuses.
	maxPayload = 7999
	// perPayload is how many prefixes follow the sender's name in one.
	perPayload = (maxPayload*3/4 - prefixSize) / prefixSize
	// maxPayloads is how many payloads go out in one statement.
	maxPayloads = 8
	// maxOutbox is how many prefixes wait for a database that cannot be
	// reached. Who waits for one that was dropped looks again by himself.
	maxOutbox = 1 << 16
	// retryAfter is the longest pause before the next try to notify.
	retryAfter = time.Second
	// farewell bounds what is told at the end.
	farewell = 2 * time.Second
)

// prefix is what a notification tells of an id.
type prefix [prefixSize]byte

func prefixOf(id sealed.ID) (p prefix) {
	copy(p[:], id[:])
	return p
}

// id stands for all ids with the prefix in the list of watchers.
func (p prefix) id() (id sealed.ID) {
	copy(id[:], p[:])
	return id
}

// instance is the random name of a server among those that share a database.
type instance = prefix

// outbox holds what other servers are to be told. A deposit's own transaction
// does not notify: that takes a lock of the whole database at the commit, and
// one statement can tell of many deposits.
type outbox struct {
	mu       sync.Mutex
	prefixes []prefix
	kick     chan struct{}
}

func newOutbox() outbox { return outbox{kick: make(chan struct{}, 1)} }

func (o *outbox) add(p ...prefix) {
	o.mu.Lock()
	o.prefixes = append(o.prefixes, p...)
	if extra := len(o.prefixes) - maxOutbox; extra > 0 {
		o.prefixes = o.prefixes[extra:]
	}
	o.mu.Unlock()
	select {
	case o.kick <- struct{}{}:
	default:
	}
}

func (o *outbox) take() []prefix {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := min(len(o.prefixes), maxPayloads*perPayload)
	taken := o.prefixes[:n:n]
	o.prefixes = o.prefixes[n:]
	return taken
}

// notify wakes those who wait for id, here and on other servers.
func (s *Store) notify(id sealed.ID) {
	p := prefixOf(id)
	s.subscription.Notify(p.id())
	s.outbox.add(p)
}

// announce tells other servers what is in the outbox until ctx ends, and then
// once more.
func (s *Store) announce(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-s.outbox.kick:
			if err := s.flush(ctx); err != nil {
				store.Pause(ctx, retryAfter)
				s.outbox.add()
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	_ = s.flush(ctx)
}

func (s *Store) flush(ctx context.Context) error {
	for {
		prefixes := s.outbox.take()
		if len(prefixes) == 0 {
			return nil
		}
		if err := s.send(ctx, prefixes); err != nil {
			s.outbox.add(prefixes...)
			return err
		}
	}
}

// send sends prefixes, or only this server's name if there are none, to all
// who listen.
func (s *Store) send(ctx context.Context, prefixes []prefix) error {
	ctx, cancel := context.WithTimeout(ctx, batchTime)
	defer cancel()
	_, err := s.pool.Exec(ctx, "SELECT pg_notify($1::text, payload) FROM unnest($2::text[]) AS payload",
		s.table.channel, payloads(s.self, prefixes))
	if err != nil {
		s.suspect(err)
	}
	return err
}

func payloads(self instance, prefixes []prefix) []string {
	var out []string
	for first := true; first || len(prefixes) > 0; first = false {
		n := min(len(prefixes), perPayload)
		text := append([]byte{}, self[:]...)
		for _, p := range prefixes[:n] {
			text = append(text, p[:]...)
		}
		out = append(out, base64.RawStdEncoding.EncodeToString(text))
		prefixes = prefixes[n:]
	}
	return out
}

// parsePayload returns who sent a payload, and what it tells.
func parsePayload(text string) (sender instance, prefixes []prefix, err error) {
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(raw) == 0 || len(raw)%prefixSize != 0 {
		return sender, nil, fmt.Errorf("a notification of %d bytes is not from DSS", len(text))
	}
	for ; len(raw) > 0; raw = raw[prefixSize:] {
		prefixes = append(prefixes, prefix(raw[:prefixSize]))
	}
	return prefixes[0], prefixes[1:], nil
}
