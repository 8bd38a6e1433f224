package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
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

// parse reads a URL. Its errors quote nothing of it, because a URL that cannot
// be understood may have its password anywhere.
func parse(raw string) (*settings, error) {
	if !strings.HasPrefix(raw, "postgres://") && !strings.HasPrefix(raw, "postgresql://") {
		return nil, errors.New("the URL must start with postgres:// or postgresql://")
	}
	pool, err := pgxpool.ParseConfig(raw)
	if err != nil {
		return nil, fmt.Errorf("the URL cannot be understood: %s", parseReason(err))
	}
	given := parameters(raw)
	conn := pool.ConnConfig
	s := &settings{pool: pool, searchPath: takeParameter(conn, "search_path")}
	listen := takeParameter(conn, "listen")
	setDefaults(pool, given)
	if s.listen, err = listenConfig(conn, listen); err != nil {
		return nil, err
	}
	pool.AfterConnect = limitStatements(conn)
	s.tls = usesTLS(conn)
	return s, nil
}

// parseReason is what is wrong with a URL, without the URL. What comes from
// files that it names may be told; what is quoted from it may not.
func parseReason(err error) string {
	var failed *pgconn.ParseConfigError
	if !errors.As(err, &failed) {
		return "a pool_ parameter is wrong"
	}
	reason := pgconn.NewParseConfigError("", "", nil).Error()
	bare := *failed
	bare.ConnString = ""
	reason = strings.TrimPrefix(bare.Error(), reason)
	if inner := errors.Unwrap(err); inner != nil && !strings.HasPrefix(reason, "failed to configure TLS") {
		reason = strings.TrimSuffix(reason, " ("+inner.Error()+")")
	} else if inner == nil {
		reason, _, _ = strings.Cut(reason, ":")
	}
	return reason
}

// parameters returns the names of what a URL says after its question mark.
func parameters(raw string) map[string]bool {
	given := map[string]bool{}
	if at := strings.LastIndexByte(raw, '?'); at >= 0 {
		values, _ := url.ParseQuery(raw[at+1:])
		for name := range values {
			given[name] = true
		}
	}
	return given
}

// takeParameter removes what would else be sent to the server as a setting of
// the session, which poolers refuse.
func takeParameter(c *pgx.ConnConfig, name string) string {
	value := c.RuntimeParams[name]
	delete(c.RuntimeParams, name)
	return value
}

func setDefaults(pool *pgxpool.Config, given map[string]bool) {
	conn := pool.ConnConfig
	if !given["pool_max_conns"] {
		pool.MaxConns = defaultConns
	}
	if !given["pool_max_conn_lifetime"] {
		pool.MaxConnLifetime, pool.MaxConnLifetimeJitter = connLifetime, connJitter
	}
	if !given["default_query_exec_mode"] {
		// No named statements, which poolers in transaction mode lose, and
		// no plan that outlives the size of the table it was made for.
		conn.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	if !given["target_session_attrs"] && conn.ValidateConnect == nil {
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
// was rolled back. Behind a pooler the session is not ours to configure: its
// process is another than the one that the greeting named.
func limitStatements(c *pgx.ConnConfig) func(context.Context, *pgx.Conn) error {
	if c.RuntimeParams["statement_timeout"] != "" {
		return nil
	}
	return func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `SELECT set_config('statement_timeout', $1::text, false) WHERE pg_backend_pid() = $2::bigint`,
			strconv.FormatInt(statementTime.Milliseconds(), 10), int64(conn.PgConn().PID()))
		return err
	}
}

// listenConfig is how the connection that listens is made: like the others,
// or to address, a host and a port, where those go through a pooler.
func listenConfig(c *pgx.ConnConfig, address string) (*pgx.ConnConfig, error) {
	c = c.Copy()
	if address == "" {
		return c, nil
	}
	host, text, err := net.SplitHostPort(address)
	port, numberErr := strconv.ParseUint(text, 10, 16)
	if err != nil || numberErr != nil || host == "" || port == 0 {
		return nil, errors.New("listen in the URL must be a host and a port, such as listen=db.example.org:5432")
	}
	c.Host, c.Port, c.TLSConfig = host, uint16(port), toHost(c.TLSConfig, host)
	for _, f := range c.Fallbacks {
		f.Host, f.Port, f.TLSConfig = host, uint16(port), toHost(f.TLSConfig, host)
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
	all := c.TLSConfig != nil
	for _, f := range c.Fallbacks {
		all = all && f.TLSConfig != nil
	}
	return all
}
