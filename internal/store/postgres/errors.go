package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/desktop-stack-serv/dss/internal/store"
)

// Codes of PostgreSQL's errors (its manual, appendix A).
const (
	codeReadOnly   = "25006"
	codePermission = "42501"
	codeCancelled  = "57014"
)

// meanings says what an operator has to know where PostgreSQL's message does
// not.
var meanings = map[string]string{
	"53100":        "the database's disk is full",
	"53200":        "the database is out of memory",
	"53300":        "the database has no connection left: raise max_connections, or lower pool_max_conns in the URL",
	codeReadOnly:   "the database is read-only: it is a replica, or was made so",
	codePermission: "the role lacks a privilege",
	codeCancelled:  "the database gave up, and undid what it had done",
	"57P01":        "the database is shutting down; what it was told may have happened",
	"57P02":        "the database has crashed and is restarting; what it was told may have happened",
	"57P03":        "the database is starting up or shutting down",
	"42P01":        "a table is missing: restart DSS to create it",
	"28P01":        "the password is wrong",
	"28000":        "the database does not let the role in",
	"3D000":        "the database does not exist",
}

func failuref(format string, arguments ...any) error {
	return store.Trouble(fmt.Sprintf(format, arguments...))
}

// clearer turns an error of the driver into one that says what is wrong.
// Errors of a context stay what they are.
func clearer(err error) error {
	var refused *pgconn.PgError
	var own store.Trouble
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own), errors.Is(err, store.ErrDeaf):
		return err
	case errors.As(err, &refused):
		return store.Trouble(describe(refused))
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case isTimeout(err):
		return store.Trouble("the database did not answer in time: what it was told may have happened")
	}
	return store.Trouble(plain(err))
}

func describe(refused *pgconn.PgError) string {
	meaning, known := meanings[refused.Code]
	if !known {
		return fmt.Sprintf("%s (SQLSTATE %s)", refused.Message, refused.Code)
	}
	return fmt.Sprintf("%s: %s (SQLSTATE %s)", meaning, refused.Message, refused.Code)
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}

// plain is a message on one line.
func plain(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if strings.Contains(text, "read only connection") { // the driver's, and without a type
		return meanings[codeReadOnly] + ": " + text
	}
	return text
}

// resetEvery is how often all connections may be given up.
const resetEvery = time.Second

// resets remembers when that was done last.
type resets struct {
	mu   sync.Mutex
	last time.Time
}

// suspect gives up all connections after an error that the others are likely
// to have too: the server was restarted, has become a replica, or is not
// reached. Else each of them would fail one request more.
func (s *Store) suspect(err error) {
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code != codeReadOnly && !strings.HasPrefix(refused.Code, "57P") {
		return
	}
	s.resets.mu.Lock()
	defer s.resets.mu.Unlock()
	if now := time.Now(); now.Sub(s.resets.last) >= resetEvery {
		s.resets.last = now
		s.pool.Reset()
	}
}
