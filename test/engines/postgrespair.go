package engines

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Pair is a PostgreSQL primary and a standby that follows it by streaming.
type Pair struct {
	URL              string // for --store: both
	Primary, Standby *Server
}

// PostgresPair runs a pair until the test ends. Synchronous says that the
// primary acknowledges no commit that the standby does not have on its disk.
func PostgresPair(t testing.TB, synchronous bool) *Pair {
	t.Helper()
	p := &Pair{Primary: Postgres(t)}
	standby, err := p.startStandby()
	p.Standby = must(t, standby, err)
	if err := p.follow(synchronous); err != nil {
		t.Fatal(err)
	}
	first := fmt.Sprintf("127.0.0.1:%d", p.Primary.Port)
	p.URL = strings.Replace(p.Primary.URL, first, fmt.Sprintf("%s,127.0.0.1:%d", first, p.Standby.Port), 1)
	return p
}

// startStandby starts a server on a copy of the primary.
func (p *Pair) startStandby() (*Server, error) {
	return onFreePort("postgres", func(folder string, port int) (*Server, error) {
		if err := os.Chmod(folder, 0o755); err != nil {
			return nil, err
		}
		copies, err := postgresProgram("pg_basebackup")
		if err != nil {
			return nil, err
		}
		data := filepath.Join(folder, "data")
		cmd := exec.Command(copies, "--host", "127.0.0.1", "--port", strconv.Itoa(p.Primary.Port), "--username", "dss",
			"--pgdata", data, "--write-recovery-conf", "--wal-method", "stream", "--checkpoint", "fast", "--no-sync")
		cmd.Dir = folder
		if err := unprivileged(cmd, "postgres", folder); err != nil {
			return nil, err
		}
		if output, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("pg_basebackup: %w\n%s", err, output)
		}
		return newPostgres(folder, data, port, nil)
	})
}

// follow waits until the standby follows. What the primary is told then is in
// no copy of it: the standby waits for nobody once it has been promoted.
func (p *Pair) follow(synchronous bool) error {
	state := "async"
	if synchronous {
		state = "sync"
		for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"} {
			if _, err := p.Primary.SQL(statement); err != nil {
				return err
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	return poll(ctx, func() error {
		is, err := p.Primary.SQL("SELECT state || ' ' || sync_state FROM pg_stat_replication")
		if err == nil && strings.TrimSpace(is) != "streaming "+state {
			err = errors.New(is)
		}
		return err
	})
}

// Promote makes the standby the primary.
func (p *Pair) Promote() error {
	_, err := p.Standby.SQL("SELECT pg_promote()")
	return err
}
