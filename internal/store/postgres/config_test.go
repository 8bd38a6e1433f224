package postgres

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/desktop-stack-serv/dss/internal/store"
)

func parsed(t *testing.T, url string) *settings {
	t.Helper()
	s, err := parse(url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDefaults(t *testing.T) {
	s := parsed(t, "postgres://dss@db.example.org/dss")
	c := s.pool.ConnConfig
	if s.pool.MaxConns != defaultConns || c.ConnectTimeout != connectTime || c.ValidateConnect == nil ||
		c.DefaultQueryExecMode != pgx.QueryExecModeCacheDescribe || c.RuntimeParams["application_name"] != "dss" || s.tls {
		t.Errorf("defaults: %+v", s.pool)
	}
}

func TestURLDecides(t *testing.T) {
	s := parsed(t, "postgresql://dss@one.example.org:1,two.example.org:2/dss?pool_max_conns=3&connect_timeout=7&target_session_attrs=any"+
		"&default_query_exec_mode=cache_statement&application_name=relay&search_path=relay&sslmode=verify-full&pool_max_conn_lifetime=9m")
	c := s.pool.ConnConfig
	if s.pool.MaxConns != 3 || s.pool.MaxConnLifetime != 9*time.Minute || c.ConnectTimeout != 7*time.Second || c.ValidateConnect != nil ||
		c.DefaultQueryExecMode != pgx.QueryExecModeCacheStatement || c.RuntimeParams["application_name"] != "relay" ||
		s.searchPath != "relay" || !s.tls || c.Host != "one.example.org" || c.Fallbacks[0].Host != "two.example.org" {
		t.Errorf("settings: %+v", s.pool)
	}
	if c.RuntimeParams["search_path"] != "" {
		t.Error("search_path is sent at the start, where poolers refuse it")
	}
}

func TestListenAddress(t *testing.T) {
	s := parsed(t, "postgres://dss:secret@pooler.example.org:6432/dss?sslmode=verify-full&listen=db.example.org:5432")
	c := s.listen
	if c.Host != "db.example.org" || c.Port != 5432 || c.TLSConfig.ServerName != "db.example.org" || c.Password != "secret" {
		t.Errorf("listens at %s:%d as %s", c.Host, c.Port, c.TLSConfig.ServerName)
	}
	if main := s.pool.ConnConfig; main.Host != "pooler.example.org" || main.TLSConfig.ServerName != "pooler.example.org" || main.RuntimeParams["listen"] != "" {
		t.Errorf("the pool is at %s, %v", main.Host, main.RuntimeParams)
	}
}

func TestPasswordFromElsewhere(t *testing.T) {
	t.Setenv("PGPASSWORD", "from the environment")
	if got := parsed(t, "postgres://dss@db/dss").pool.ConnConfig.Password; got != "from the environment" {
		t.Errorf("password %q", got)
	}
	t.Setenv("PGPASSWORD", "")
	file := filepath.Join(t.TempDir(), "passwords")
	if err := os.WriteFile(file, []byte("db:5432:dss:dss:from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PGPASSFILE", file)
	if got := parsed(t, "postgres://dss@db/dss").listen.Password; got != "from a file" {
		t.Errorf("password %q", got)
	}
}

// TestErrorsOfURLs plants a secret in URLs that cannot be used.
func TestErrorsOfURLs(t *testing.T) {
	for url, want := range map[string]string{
		"mysql://dss:planted@db/dss":                                               "must start with",
		"postgres://dss:planted":                                                   "port",
		"postgres://dss:planted@db:planted/dss":                                    "port",
		"postgres://dss:1234/planted@127.0.0.1/dss":                                "%XX",
		"postgres://dss:1234?planted@127.0.0.1/dss":                                "%XX",
		"postgres://dss:1234#planted@127.0.0.1/dss":                                "%XX",
		"postgres://dss:1234@planted@127.0.0.1/dss":                                "%XX",
		"postgres://dss:%zzplanted@db/dss":                                         "%XX",
		"postgres://dss:planted@one,two/dss/planted":                               "%XX",
		"postgres://dss:x@db/dss?password=x&planted":                               "not known",
		"postgres://dss:x@db/dss?host=planted":                                     "leave out",
		"postgres://dss:x@db/dss?port=5&hostaddr=planted":                          "not known",
		"postgres:///dss?host=pl%2Fanted":                                          "must be a host",
		"postgres:///dss?host=a,planted%40b":                                       "must be a host",
		"postgres://dss:planted@db/dss?connect_timeout=planted":                    "connect_timeout",
		"postgres://dss:planted@db/dss?sslmode=planted":                            "sslmode",
		"postgres://dss:planted@db/dss?password=planted&sslmode=wrong":             "sslmode",
		"postgres://dss:planted@db/dss?sslmode=require&sslmode=planted":            "more than once",
		"postgres://dss:planted@db/dss?pool_max_conns=planted":                     "pool_max_conns",
		"postgres://dss:planted@db/dss?default_query_exec_mode=planted":            "default_query_exec_mode",
		"postgres://dss:planted@db/dss?target_session_attrs=planted":               "target_session_attrs",
		"postgres://dss:planted@db/dss?sslrootcert=/planted.pem&sslmode=verify-ca": "sslrootcert names cannot be read: no such file",
		"postgres://dss:planted@db/dss?listen=planted":                             "listen",
		"postgres://dss:planted@db/dss?listen=planted:0":                           "listen",
		"postgres://dss:planted@db/dss?service=planted":                            "service file",
	} {
		_, err := parse(url)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v; want %q", url, err, want)
		}
	}
}

// TestErrorsOfVariables: what is wrong in the environment is not quoted either.
func TestErrorsOfVariables(t *testing.T) {
	for variable, want := range map[string]string{
		"PGPORT": "PGPORT", "PGSSLMODE": "PGSSLMODE", "PGCONNECT_TIMEOUT": "PGCONNECT_TIMEOUT", "PGTARGETSESSIONATTRS": "PGTARGETSESSIONATTRS",
		"PGSERVICE": "service file", "PGHOST": "PGHOST",
	} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv("PGPASSWORD", "planted")
			t.Setenv(variable, "x@planted/")
			url := "postgres://db/dss"
			if variable == "PGHOST" {
				url = "postgres:///dss"
			}
			_, err := parse(url)
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "planted") {
				t.Errorf("%v; want %q", err, want)
			}
		})
	}
}

// TestUnixSocket is named by a parameter, as a folder.
func TestUnixSocket(t *testing.T) {
	for _, url := range []string{"postgres:///dss?host=/run/postgresql", "postgres://dss:x@/dss?host=%2Frun%2Fpostgresql&port=1"} {
		if got := parsed(t, url).pool.ConnConfig.Host; got != "/run/postgresql" {
			t.Errorf("%s leads to %s", url, got)
		}
	}
}

// FuzzParse: whatever stands in a password, the driver dials the hosts that
// follow the only @, with that password, or nothing.
func FuzzParse(f *testing.F) {
	f.Add("1234/Tail5678", "127.0.0.1", "dss")
	f.Add("it's%20a%5C%27%3D", "one:1,two:2", "dss?sslmode=disable")
	f.Fuzz(func(t *testing.T, password, hosts, rest string) {
		text := "postgres://dss:" + password + "@" + hosts + "/" + rest
		s, err := parse(text)
		if err != nil {
			return
		}
		u, err := store.ParseURL(text)
		if err != nil {
			t.Fatal(err)
		}
		c := s.pool.ConnConfig
		got := []string{c.Host}
		for _, fallback := range c.Fallbacks {
			if got[len(got)-1] != fallback.Host {
				got = append(got, fallback.Host)
			}
		}
		var want []string
		for _, host := range u.Hosts {
			if len(want) == 0 || want[len(want)-1] != host.Name {
				want = append(want, host.Name)
			}
		}
		if len(want) > 0 && !slices.Equal(got, want) {
			t.Errorf("%q leads to %v, want %v", text, got, want)
		}
		if c.Password != u.Password && u.Password != "" && !u.Parameters.Has("password") {
			t.Errorf("%q has the password %q", text, c.Password)
		}
	})
}
