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
	s := engines.Sentinel(t)
	command(t, s.Primary, "SET", "a", "1")
	if got := command(t, s.Primary, "WAIT", "1", "5000"); got != ":1" {
		t.Errorf("the replica does not follow: %s", got)
	}
	if got := command(t, s.Replica, "GET", "a"); got != "1" {
		t.Errorf("the replica has %q", got)
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
