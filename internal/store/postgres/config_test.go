package postgres

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
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

// TestErrorsOfURLs plants a secret in URLs that cannot be understood.
func TestErrorsOfURLs(t *testing.T) {
	for url, want := range map[string]string{
		"mysql://dss:planted@db/dss":                                               "must start with",
		"postgres://dss:planted":                                                   "port",
		"postgres://dss:planted@db:planted/dss":                                    "port",
		"postgres://dss:plan/planted@db:99999999/dss":                              "port",
		"postgres://dss:%zzplanted@db/dss":                                         "understood",
		"postgres://dss:planted@db/dss?connect_timeout=planted":                    "connect_timeout",
		"postgres://dss:planted@db/dss?sslmode=planted":                            "sslmode",
		"postgres://dss:planted@db/dss?password=planted&sslmode=wrong":             "sslmode",
		"postgres://dss:planted@db/dss?pool_max_conns=planted":                     "pool_",
		"postgres://dss:planted@db/dss?default_query_exec_mode=planted":            "understood",
		"postgres://dss:planted@db/dss?target_session_attrs=planted":               "target_session_attrs",
		"postgres://dss:planted@db/dss?sslrootcert=/nowhere.pem&sslmode=verify-ca": "/nowhere.pem",
		"postgres://dss:planted@db/dss?listen=planted":                             "listen",
		"postgres://dss:planted@db/dss?listen=planted:0":                           "listen",
	} {
		_, err := parse(url)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v; want %q", url, err, want)
		}
	}
}
