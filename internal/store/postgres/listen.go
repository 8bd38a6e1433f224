package postgres

import (
	"context"
	"fmt"
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
	"If a pooler such as PgBouncer is in between, add the database's own address to the URL: listen=HOST:PORT", store.ErrDeaf)

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
	if err := s.tell(ctx, nil); err != nil {
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
