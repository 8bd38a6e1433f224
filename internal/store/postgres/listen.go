package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// quiet is how long nothing may be heard before the connection is tested.
	quiet = 10 * time.Second
	// echoTime is how long our own notification may take to come back.
	echoTime = 3 * time.Second
	// retryAfter is the longest pause before the next try to subscribe.
	retryAfter = time.Second
	// retryDeaf is the same where the database answers and notifications do
	// not come: a pooler is in between, and will be for a while.
	retryDeaf = 30 * time.Second
)

// errDeaf is the state in which everything works but LISTEN.
var errDeaf = errors.New("notifications do not arrive: apps that wait at this server get their answers up to 10 seconds late. " +
	"If a pooler such as PgBouncer is in between, add the database's own address to the URL: listen=HOST:PORT")

// subscribe keeps a connection that listens until ctx ends. It logs when one
// is lost, and when there is one again.
func (s *Store) subscribe(ctx context.Context) {
	defer s.settle()
	lost := false
	for ctx.Err() == nil {
		err := s.listen(ctx, func() {
			if lost {
				s.log.Info("store: notifications are back")
			}
			lost = false
		})
		s.settle()
		if ctx.Err() != nil {
			return
		}
		if !lost {
			s.log.Warn("store: notifications are lost", "err", clearer(err))
		}
		lost = true
		if errors.Is(err, errDeaf) {
			pause(ctx, retryDeaf)
		} else {
			pause(ctx, retryAfter)
		}
	}
}

// listen subscribes, calls heard when notifications arrive, and passes them on
// until the connection is lost.
func (s *Store) listen(ctx context.Context, heard func()) error {
	conn, err := s.dialListener(ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if err := s.echo(ctx, conn); err != nil {
		return err
	}
	heard()
	// What was deposited while nobody listened has woken nobody.
	s.watchers.NotifyAll()
	s.settle()
	for {
		err := s.receive(ctx, conn, s.quiet)
		if isTimeout(err) && ctx.Err() == nil {
			err = s.echo(ctx, conn)
		}
		if err != nil {
			return err
		}
	}
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
		s.watchers.Notify(p.id())
	}
	return nil
}

// pause waits for a random part of d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d/2 + rand.N(d/2))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
