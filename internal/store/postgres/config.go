package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/desktop-stack-serv/dss/internal/store"
)

const (
	// defaultConns is how many connections a server uses at most, besides the
	// one that listens. More did not make it faster.
	defaultConns = 16
	// connectTime bounds one try to reach one host, so that a host that is
	// gone leaves time for the next one.
	connectTime = 2 * time.Second
	// connLifetime lets connections move to where the load balancer of a
	// cluster sends new ones.
	connLifetime, connJitter = time.Hour, 5 * time.Minute
)

// settings is what a URL says.
type settings struct {
	pool       *pgxpool.Config
	listen     *pgx.ConnConfig
	searchPath string // empty: the role's own
	tls        bool   // every way to connect that the URL allows uses TLS
}

// parse reads a URL, and the variables of the environment that libpq knows. An
// error is a [store.URLError] and quotes nothing of either. The driver does not
// get the URL, but its parts, so that both agree on what is a host.
func parse(url string) (*settings, error) {
	s, err := parseURL(url)
	if err != nil {
		return nil, store.URLError{Reason: err}
	}
	return s, nil
}

func parseURL(raw string) (*settings, error) {
	u, err := store.ParseURL(raw)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.New("the URL must start with postgres:// or postgresql://")
	}
	if err := u.CheckParameters(parameters, nil); err != nil {
		return nil, err
	}
	if len(u.Hosts) > 0 && (u.Parameters.Has("host") || u.Parameters.Has("port")) {
		return nil, errors.New("the URL names the server in front of the database and in the parameters host or " +
			"port too: leave out the one or the other")
	}
	pool, err := pgxpool.ParseConfig(keywords(u, "", ""))
	if err != nil {
		return nil, blame(u, err)
	}
	conn := pool.ConnConfig
	if err := checkHosts(conn); err != nil {
		return nil, err
	}
	s := &settings{pool: pool, searchPath: takeParameter(conn, "search_path")}
	listen := takeParameter(conn, "listen")
	setDefaults(pool, u.Parameters)
	if s.listen, err = listenConfig(conn, listen); err != nil {
		return nil, err
	}
	pool.AfterConnect = limitStatements(conn)
	s.tls = usesTLS(conn)
	return s, nil
}

// parameters are those of libpq, of the driver and of this package, and the
// settings of a session that make sense for it.
var parameters = []string{
	"host", "port", "user", "password", "passfile", "dbname", "options", "service", "servicefile", "application_name",
	"timezone", "connect_timeout", "target_session_attrs", "require_auth", "channel_binding", "min_protocol_version",
	"max_protocol_version", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslsni", "sslcertmode",
	"sslnegotiation", "krbsrvname", "krbspn",
	"pool_max_conns", "pool_min_conns", "pool_min_idle_conns", "pool_max_conn_lifetime",
	"pool_max_conn_lifetime_jitter", "pool_max_conn_idle_time", "pool_health_check_period", "pool_ping_timeout",
	"default_query_exec_mode", "statement_cache_capacity", "description_cache_capacity",
	"search_path", "listen", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout",
}

// keywords writes a URL as libpq's keywords and values, with one parameter
// changed.
func keywords(u *store.URL, changed, value string) string {
	values := map[string]string{"user": u.User, "password": u.Password, "dbname": u.Path}
	var names, ports []string
	for _, host := range u.Hosts {
		port := ""
		if host.Port != 0 {
			port = strconv.Itoa(int(host.Port))
		}
		names, ports = append(names, host.Name), append(ports, port)
	}
	values["host"] = strings.Join(names, ",")
	if strings.Join(ports, "") != "" {
		values["port"] = strings.Join(ports, ",")
	}
	for name := range u.Parameters {
		values[name] = u.Parameters.Get(name)
	}
	values[changed] = value
	var all []string
	for name, value := range values {
		if value != "" {
			all = append(all, name+"='"+strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(value)+"'")
		}
	}
	return strings.Join(all, " ")
}

// variables of the environment that the driver may refuse, with the parameters
// that take precedence and values that it accepts.
var variables = []struct{ name, parameter, value string }{
	{"PGPORT", "port", "5432"},
	{"PGCONNECT_TIMEOUT", "connect_timeout", "2"},
	{"PGTARGETSESSIONATTRS", "target_session_attrs", "any"},
	{"PGMINPROTOCOLVERSION", "min_protocol_version", "3.0"},
	{"PGMAXPROTOCOLVERSION", "max_protocol_version", "3.0"},
	{"PGCHANNELBINDING", "channel_binding", "prefer"},
	{"PGSSLNEGOTIATION", "sslnegotiation", "postgres"},
	{"PGSSLCERTMODE", "sslcertmode", "allow"},
	{"PGSSLMODE", "sslmode", "disable"},
}

// blame finds out what the driver refuses, by having it try again with one
// parameter changed. The driver's own message may quote anything.
func blame(u *store.URL, err error) error {
	for _, name := range []string{"sslrootcert", "sslcert", "sslkey"} {
		failed, ok := errors.AsType[*fs.PathError](err)
		if ok && u.Parameters.Has(name) && failed.Path == u.Parameters.Get(name) {
			return fmt.Errorf("the file that %s names cannot be read: %w", name, failed.Err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(u.Parameters)) {
		if _, err := pgxpool.ParseConfig(keywords(u, name, "")); err == nil {
			return fmt.Errorf("the parameter %s has a value that is not possible, or does not fit the others or the "+
				"service file", name)
		}
	}
	for _, v := range variables {
		if _, err := pgxpool.ParseConfig(keywords(u, v.parameter, v.value)); err == nil {
			return fmt.Errorf("the variable %s has a value that is not possible, or does not fit the URL", v.name)
		}
	}
	return errors.New("the URL, or a PG… variable of the environment or the service file that goes with it, " +
		"cannot be used")
}

// checkHosts refuses invalid host names, wherever they come from.
func checkHosts(c *pgx.ConnConfig) error {
	hosts := []string{c.Host}
	for _, f := range c.Fallbacks {
		hosts = append(hosts, f.Host)
	}
	for _, host := range hosts {
		if network, _ := pgconn.NetworkAddress(host, c.Port); network != "unix" && !store.HostName(host) {
			return fmt.Errorf("%w; the host may come from PGHOST or a service file too", store.ErrNoHost)
		}
	}
	return nil
}

// takeParameter removes a parameter that would otherwise be sent to the server as
// a setting of the session, which poolers refuse.
func takeParameter(c *pgx.ConnConfig, name string) string {
	value := c.RuntimeParams[name]
	delete(c.RuntimeParams, name)
	return value
}

func setDefaults(pool *pgxpool.Config, given url.Values) {
	conn := pool.ConnConfig
	if !given.Has("pool_max_conns") {
		pool.MaxConns = defaultConns
	}
	if !given.Has("pool_max_conn_lifetime") {
		pool.MaxConnLifetime, pool.MaxConnLifetimeJitter = connLifetime, connJitter
	}
	if !given.Has("default_query_exec_mode") {
		// No named statements, which poolers in transaction mode lose, and
		// no plan that outlives the size of the table it was made for.
		conn.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	if !given.Has("target_session_attrs") && conn.ValidateConnect == nil {
		conn.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = connectTime
	}
	if conn.RuntimeParams["application_name"] == "" {
		conn.RuntimeParams["application_name"] = "dss"
	}
}

// limitStatements has the server give up before we do, so that what timed out
// was rolled back. It does nothing behind a pooler, where the session is not ours:
// its process is not the one that the greeting named.
func limitStatements(c *pgx.ConnConfig) func(context.Context, *pgx.Conn) error {
	if c.RuntimeParams["statement_timeout"] != "" {
		return nil
	}
	return func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx,
			"SELECT set_config('statement_timeout', $1::text, false) WHERE pg_backend_pid() = $2::bigint",
			strconv.FormatInt(statementTime.Milliseconds(), 10), int64(conn.PgConn().PID()))
		return err
	}
}

// listenConfig returns the configuration of the connection that listens: like
// the others, but to address, a host and a port, if they go through a pooler.
func listenConfig(c *pgx.ConnConfig, address string) (*pgx.ConnConfig, error) {
	c = c.Copy()
	if address == "" {
		return c, nil
	}
	host, err := store.ParseHost(address)
	if err != nil || host.Port == 0 {
		return nil, errors.New("listen in the URL must be a host and a port, such as listen=db.example.org:5432")
	}
	c.Host, c.Port, c.TLSConfig = host.Name, host.Port, toHost(c.TLSConfig, host.Name)
	for _, f := range c.Fallbacks {
		f.Host, f.Port, f.TLSConfig = host.Name, host.Port, toHost(f.TLSConfig, host.Name)
	}
	return c, nil
}

func toHost(c *tls.Config, host string) *tls.Config {
	if c == nil || c.ServerName == "" {
		return c
	}
	c = c.Clone()
	c.ServerName = host
	return c
}

func usesTLS(c *pgx.ConnConfig) bool {
	plain := func(f *pgconn.FallbackConfig) bool { return f.TLSConfig == nil }
	return c.TLSConfig != nil && !slices.ContainsFunc(c.Fallbacks, plain)
}
