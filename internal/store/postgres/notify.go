package postgres

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
)

const (
	// quiet is how long nothing may arrive before the connection is tested.
	quiet = 10 * time.Second
	// echoTime is how long our own notification may take to come back.
	echoTime = 3 * time.Second
)

// errDeaf is the state in which everything works but LISTEN.
var errDeaf = fmt.Errorf("%w: apps that wait at this server get their answers up to 10 seconds late. "+
	"If a pooler such as PgBouncer is in between, add the database's own address to the URL: listen=HOST:PORT",
	store.ErrDeaf)

// Watch implements [sealed.Store]. While the database cannot be reached it
// returns at once, and the watch fires when the subscription is back.
func (s *Store) Watch(ctx context.Context, id sealed.ID) (<-chan struct{}, error) {
	return s.subscription.Watch(ctx, short(id), queueTime+batchTime)
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
		_, err = s.receive(ctx, conn, s.quiet)
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

// echo sends a notification the way that deposits do, and waits until this one
// arrives, which proves that the connection listens to the database that deposits
// go to. Another one proves nothing: a pooler passes on what comes while it
// answers LISTEN. If none can be sent, echo only checks that the connection lives.
func (s *Store) echo(ctx context.Context, conn *pgx.Conn) error {
	mark := randomShort()
	if err := s.send(ctx, []sealed.ID{mark}); err != nil {
		ctx, cancel := context.WithTimeout(ctx, echoTime)
		defer cancel()
		return conn.Ping(ctx)
	}
	for deadline := time.Now().Add(echoTime); ; {
		ids, err := s.receive(ctx, conn, time.Until(deadline))
		switch {
		case isTimeout(err) && ctx.Err() == nil:
			return errDeaf
		case err != nil || slices.Contains(ids, mark):
			return err
		}
	}
}

// receive waits for a notification, wakes the watchers of the ids in it, and
// returns them after their sender; none if it is from another program.
func (s *Store) receive(ctx context.Context, conn *pgx.Conn, wait time.Duration) ([]sealed.ID, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	n, err := conn.WaitForNotification(ctx)
	if err != nil {
		return nil, err
	}
	ids := parsePayload(n.Payload)
	if len(ids) == 0 || ids[0] == s.self {
		return ids, nil // its watchers are awake
	}
	for _, id := range ids[1:] {
		s.subscription.Notify(id)
	}
	return ids, nil
}

const (
	// prefixSize is how much of an id is sent to other servers: enough to wake
	// only those that watch it, and a quarter of the whole.
	prefixSize = 8
	// maxPayload is one byte less than what PostgreSQL refuses.
	maxPayload = 7999
	// perPayload is how many prefixes follow the sender's name in one.
	perPayload = (maxPayload*3/4 - prefixSize) / prefixSize
	// maxOutbox is how many ids wait for a database that cannot be reached. A
	// client that waits for one that was dropped polls after a while.
	maxOutbox = 1 << 16
	// retryAfter is the longest pause before the next try to notify.
	retryAfter = time.Second
	// farewell bounds what is sent at the end.
	farewell = 2 * time.Second
)

// short returns the part of an id that is sent. It is what the watchers are
// registered under. Servers have random ids of this length too.
func short(id sealed.ID) sealed.ID {
	clear(id[prefixSize:])
	return id
}

// randomShort returns a random id, short.
func randomShort() (id sealed.ID) {
	rand.Read(id[:prefixSize])
	return id
}

// outbox holds the ids that other servers are to be notified of. A deposit's own
// transaction does not notify: that takes a lock of the whole database at the
// commit, and one statement can notify of many deposits.
type outbox struct {
	mu   sync.Mutex
	ids  []sealed.ID
	kick chan struct{}
}

func newOutbox() outbox { return outbox{kick: make(chan struct{}, 1)} }

func (o *outbox) add(ids ...sealed.ID) {
	o.mu.Lock()
	o.ids = append(o.ids, ids...)
	o.ids = o.ids[max(0, len(o.ids)-maxOutbox):]
	o.mu.Unlock()
	select {
	case o.kick <- struct{}{}:
	default:
	}
}

func (o *outbox) take() []sealed.ID {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := min(len(o.ids), perPayload)
	taken := o.ids[:n:n]
	o.ids = o.ids[n:]
	return taken
}

// notify wakes the watchers of id, here and on other servers.
func (s *Store) notify(id sealed.ID) {
	s.subscription.Notify(short(id))
	s.outbox.add(id)
}

// announce sends what is in the outbox until ctx ends, and then once more.
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
		ids := s.outbox.take()
		if len(ids) == 0 {
			return nil
		}
		if err := s.send(ctx, ids); err != nil {
			s.outbox.add(ids...)
			return err
		}
	}
}

// send sends ids to all servers.
func (s *Store) send(ctx context.Context, ids []sealed.ID) error {
	ctx, cancel := context.WithTimeout(ctx, batchTime)
	defer cancel()
	_, err := s.pool.Exec(ctx, "SELECT pg_notify($1::text, $2::text)", s.table.channel, payload(s.self, ids))
	if err != nil {
		s.suspect(err)
	}
	return err
}

// payload is the sender's name and ids, as their prefixes.
func payload(sender sealed.ID, ids []sealed.ID) string {
	text := sender[:prefixSize:prefixSize]
	for _, id := range ids {
		text = append(text, id[:prefixSize]...)
	}
	return base64.RawStdEncoding.EncodeToString(text)
}

// parsePayload returns the sender of a payload and the ids in it, or nothing if
// it is from another program.
func parsePayload(text string) (ids []sealed.ID) {
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(raw)%prefixSize != 0 {
		return nil
	}
	for prefix := range slices.Chunk(raw, prefixSize) {
		var id sealed.ID
		copy(id[:], prefix)
		ids = append(ids, id)
	}
	return ids
}
