//go:build integration

package engines_test

import (
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/test/engines"
)

func TestRedis(t *testing.T) {
	s := engines.Redis(t)
	command(t, s, "SET", "a", "1")
	s.Kill()
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	if got := command(t, s, "GET", "a"); got != "1" {
		t.Errorf("after a restart: %q", got)
	}
}

func command(t *testing.T, s *engines.Server, words ...string) string {
	t.Helper()
	answer, err := s.RedisCommand(words...)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestRedisCluster(t *testing.T) {
	c := engines.RedisCluster(t)
	if got := command(t, c.Nodes[0], "CLUSTER", "INFO"); !strings.Contains(got, "cluster_slots_ok:16384") {
		t.Error(got)
	}
}

func TestSentinel(t *testing.T) {
	s := engines.Sentinel(t, 1)
	command(t, s.Primary, "SET", "a", "1")
	if got := command(t, s.Primary, "WAIT", "1", "5000"); got != ":1" {
		t.Errorf("the replica does not follow: %s", got)
	}
	if got := command(t, s.Replicas[0], "GET", "a"); got != "1" {
		t.Errorf("the replica has %q", got)
	}
}

func TestReplicatedCluster(t *testing.T) {
	c := engines.ReplicatedCluster(t)
	if info := command(t, c.Replicas[2], "INFO", "replication"); !strings.Contains(info, "role:slave") {
		t.Error(info)
	}
	c.Nodes[2].Kill()
	if err := c.AwaitFailover(2); err != nil {
		t.Error(err)
	}
}

func TestPostgresPair(t *testing.T) {
	for _, synchronous := range []bool{false, true} {
		pair := engines.PostgresPair(t, synchronous)
		if _, err := pair.Primary.SQL("CREATE TABLE a (b int)"); err != nil {
			t.Fatal(err)
		}
		state, err := pair.Primary.SQL("SELECT sync_state FROM pg_stat_replication")
		if want := map[bool]string{false: "async", true: "sync"}[synchronous]; err != nil || strings.TrimSpace(state) != want {
			t.Errorf("%q, want %s: %v", state, want, err)
		}
		pair.Primary.Kill()
		if err := pair.Promote(); err != nil {
			t.Fatal(err)
		}
		if _, err := pair.Standby.SQL("CREATE TABLE c (d int)"); err != nil {
			t.Error(err)
		}
	}
}

func TestPostgres(t *testing.T) {
	s := engines.Postgres(t, "fsync=off")
	run := func(statement string) string {
		t.Helper()
		got, err := s.SQL(statement)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(got)
	}
	run("CREATE TABLE a (b int); INSERT INTO a VALUES (1)")
	s.Stop()
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	if got := run("SELECT b FROM a"); got != "1" {
		t.Errorf("after a restart: %q", got)
	}
	if got := run("SHOW fsync"); got != "off" {
		t.Errorf("fsync is %s", got)
	}
}
