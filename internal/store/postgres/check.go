package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/store"
)

// inspectTime bounds an inspection.
const inspectTime = 30 * time.Second

// server is what the database reports about itself.
type server struct {
	settings             map[string]string
	recovery, privileged bool
	vacuumed             bool // autovacuum is not disabled for the table
	pid                  int
	direct               bool // there is no pooler in between
}

// number returns the value of a setting that is a number.
func (d server) number(name string) int {
	n, _ := strconv.Atoi(d.settings[name])
	return n
}

const serverStatement = `SELECT (SELECT json_object_agg(name, setting) FROM pg_settings), pg_is_in_recovery(),
	has_table_privilege($1::text, 'SELECT') AND has_table_privilege($1::text, 'INSERT') AND
	has_table_privilege($1::text, 'UPDATE') AND has_table_privilege($1::text, 'DELETE'),
	NOT EXISTS (SELECT FROM pg_class WHERE oid = $1::text::regclass AND 'autovacuum_enabled=false' = ANY(reloptions)),
	pg_backend_pid()`

// Preview returns a [store.URLError] if a URL cannot be used, and otherwise the
// store's name. It connects to nothing.
func Preview(url string) (string, error) {
	_, err := parse(url)
	return store.Preview(url), err
}

// Check examines the store at a URL. It does not create or upgrade the tables.
// An error is a [store.URLError].
func Check(ctx context.Context, url string) ([]store.Finding, error) {
	if what, err := missing(ctx, url); err != nil {
		return store.Failed(err)
	} else if what != "" {
		return store.Unopened(what), nil
	}
	s, err := Open(ctx, url, store.Unlimited, slog.New(slog.DiscardHandler))
	if err != nil {
		return store.Failed(err)
	}
	return store.Examine(ctx, url, s, s.inspect), nil
}

// inspect finds what endangers the store's promises.
func (s *Store) inspect(ctx context.Context) []store.Finding {
	ctx, cancel := context.WithTimeout(ctx, inspectTime)
	defer cancel()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return []store.Finding{store.Problem.Finding("connection", "fails: %v", clearer(err))}
	}
	defer conn.Release()
	d, err := s.ask(ctx, conn.Conn())
	if err != nil {
		return []store.Finding{store.Problem.Finding("connection", "fails: %v", clearer(err))}
	}
	findings := append(d.judge(s.table), s.foundConnections(d), s.foundTLS(conn.Conn()), s.foundNotifications(ctx))
	return append(findings, store.Measure(func() (time.Time, error) { return askTime(ctx, conn.Conn()) })...)
}

func (s *Store) ask(ctx context.Context, conn *pgx.Conn) (d server, err error) {
	err = conn.QueryRow(ctx, serverStatement, s.table.sql("{entries}")).
		Scan(&d.settings, &d.recovery, &d.privileged, &d.vacuumed, &d.pid)
	d.direct = d.pid == int(conn.PgConn().PID())
	return d, err
}

// judge returns the findings on the server's settings and the role's.
func (d server) judge(t table) []store.Finding {
	pooler := "none in between"
	if !d.direct {
		pooler = "in between: DSS does not set statement_timeout in its sessions; " +
			"ALTER ROLE … SET statement_timeout = '1750ms' does the same"
	}
	version := "PostgreSQL " + d.settings["server_version"]
	commit := "synchronous_commit is " + d.settings["synchronous_commit"]
	if !slices.Contains([]string{"on", "remote_apply"}, d.settings["synchronous_commit"]) {
		commit += "; DSS sets it to on in each of its transactions, because with less a crash could lose " +
			"acknowledged deposits and bring taken ones back"
	}
	fsync, pages := d.settings["fsync"], d.settings["full_page_writes"]
	standbys, isolation := d.settings["synchronous_standby_names"], d.settings["default_transaction_isolation"]
	vacuumed := d.settings["autovacuum"] == "on" && d.settings["track_counts"] == "on" && d.vacuumed
	return []store.Finding{
		store.OK.Finding("commit", "%s", commit), store.OK.Finding("pooler", "%s", pooler), d.foundRole(),
		store.Problem.Judge("version", d.number("server_version_num") >= minServer, version,
			version+" is too old: DSS needs 13 or newer"),
		store.Problem.Judge("privileges", d.privileged, "read, insert, update and delete",
			t.sql("the role lacks privileges: GRANT SELECT, INSERT, UPDATE, DELETE ON {entries} to it")),
		store.Problem.Judge("disk", fsync == "on" && pages == "on", "fsync and full_page_writes are on",
			"fsync is "+fsync+" and full_page_writes is "+pages+": after a power failure deposits may be "+
				"lost, taken ones may come back, or the whole database may be damaged; set both to on"),
		store.Warning.Judge("replication", standbys != "", "commits wait for synchronous_standby_names = "+standbys,
			"synchronous_standby_names is empty: if there is a standby and it takes over, the last moments are lost, "+
				"so that deposits are gone and entries taken in them can be taken again until they expire; name a "+
				"standby there, or do not fail over automatically"),
		store.Problem.Judge("isolation", isolation == "read committed", isolation,
			"default_transaction_isolation is "+isolation+": concurrent operations would fail; ALTER ROLE … SET "+
				"default_transaction_isolation = 'read committed'"),
		store.Problem.Judge("autovacuum", vacuumed, "on",
			"autovacuum does not clean the table, which would grow without end: set autovacuum and track_counts to "+
				"on, and do not disable it for the table"),
	}
}

func (d server) foundRole() store.Finding {
	switch {
	case d.recovery:
		return store.Problem.Finding("role", "the server is a replica, where nothing can be stored: "+
			"name the primary in the URL, or all of them without target_session_attrs")
	case d.settings["transaction_read_only"] == "on":
		return store.Problem.Finding("role",
			"transactions are read-only: set default_transaction_read_only to off for the role and the database")
	}
	return store.OK.Finding("role", "primary, writable")
}

func (s *Store) foundConnections(d server) store.Finding {
	mine, theirs := int(s.pool.Config().MaxConns)+1, d.number("max_connections")-d.number("superuser_reserved_connections")
	text := fmt.Sprintf("%d of the server's %d for each DSS server", mine, theirs)
	switch {
	case mine > theirs && d.direct:
		return store.Problem.Finding("connections",
			"%s: raise max_connections, or lower pool_max_conns in the URL", text)
	case 2*mine > theirs && d.direct:
		return store.Warning.Finding("connections", "%s: a second server does not fit in; raise max_connections, "+
			"or lower pool_max_conns in the URL", text)
	}
	return store.OK.Finding("connections", "%s", text)
}

// foundNotifications sends one the way that deposits do, and listens the way that
// servers do.
func (s *Store) foundNotifications(ctx context.Context) store.Finding {
	began := time.Now()
	conn, err := s.dialListener(ctx)
	if err == nil {
		defer func() { _ = conn.Close(ctx) }()
		began = time.Now()
		err = s.echo(ctx, conn)
	}
	if err != nil {
		return store.Problem.Finding("notifications", "%v", clearer(err))
	}
	return store.OK.Finding("notifications", "arrive, %s", time.Since(began).Round(10*time.Microsecond))
}

func (s *Store) foundTLS(conn *pgx.Conn) store.Finding {
	remote := conn.PgConn().Conn().RemoteAddr()
	near := remote.Network() == "unix"
	if host, _, err := net.SplitHostPort(remote.String()); err == nil {
		near = near || origin.IsLoopback(host)
	}
	return s.judgeTLS(near)
}

func (s *Store) judgeTLS(near bool) store.Finding {
	switch {
	case near:
		return store.OK.Finding("TLS", "not needed: the server is on this machine")
	case s.settings.tls:
		return store.OK.Finding("TLS", "required by the URL")
	}
	return store.Warning.Finding("TLS", "the URL allows a connection without TLS: an attacker in the network can read "+
		"the password's exchange and change what is stored; add sslmode=verify-full")
}

func askTime(ctx context.Context, conn *pgx.Conn) (time.Time, error) {
	var text string
	err := conn.QueryRow(ctx, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text").Scan(&text)
	micros, _ := strconv.ParseInt(text, 10, 64)
	return time.UnixMicro(micros), clearer(err)
}
