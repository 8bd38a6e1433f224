package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/desktop-stack-serv/dss/internal/store"
)

// Codes of PostgreSQL's errors (its manual, appendix A).
const (
	codeReadOnly   = "25006"
	codePermission = "42501"
)

// meanings explains PostgreSQL's error codes to an operator.
var meanings = map[string]string{
	"53100":        "the database's disk is full",
	"53200":        "the database is out of memory",
	"53300":        "the database has no connection left: raise max_connections, or lower pool_max_conns in the URL",
	codeReadOnly:   "the database is read-only: it is a replica, or was made so",
	codePermission: "the role lacks a privilege",
	"57014":        "the database gave up, and undid what it had done",
	"57P01":        "the database is shutting down; what it was sent may have happened",
	"57P02":        "the database has crashed and is restarting; what it was sent may have happened",
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
	if _, ok := errors.AsType[store.Trouble](err); ok || err == nil || errors.Is(err, store.ErrDeaf) {
		return err
	}
	refused, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case ok && meanings[refused.Code] == "":
		return failuref("%s (SQLSTATE %s)", refused.Message, refused.Code)
	case ok:
		return failuref("%s: %s (SQLSTATE %s)", meanings[refused.Code], refused.Message, refused.Code)
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case isTimeout(err):
		return store.Trouble("the database did not answer in time: what it was sent may have happened")
	case errors.Is(err, pgconn.ErrReadOnlyConnection):
		return store.Trouble(meanings[codeReadOnly])
	}
	return unreachable(err)
}

// unreachable is the error of each try to connect, all on one line.
func unreachable(err error) error {
	tries, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err)
	if !ok {
		return store.Trouble(err.Error())
	}
	var texts []string
	for _, try := range tries.Unwrap() {
		texts = append(texts, try.Error())
	}
	return failuref("no connection to the database: %s", strings.Join(slices.Compact(texts), "; "))
}

func isTimeout(err error) bool {
	network, ok := errors.AsType[net.Error](err)
	return errors.Is(err, context.DeadlineExceeded) || ok && network.Timeout()
}

// resetEvery is how often all connections may be given up.
const resetEvery = time.Second

// suspect gives up all connections after an error that the others are likely
// to have too: the server was restarted, has become a replica, or is not
// reached. Otherwise each of them would fail one more request.
func (s *Store) suspect(err error) {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	if ok && refused.Code != codeReadOnly && !strings.HasPrefix(refused.Code, "57P") {
		return
	}
	last, now := s.reset.Load(), time.Now().UnixNano()
	if now-last >= int64(resetEvery) && s.reset.CompareAndSwap(last, now) {
		s.pool.Reset()
	}
}
