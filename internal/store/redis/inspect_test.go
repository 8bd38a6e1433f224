//go:build integration

package redis

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/test/engines"
)

// finds checks that s has a finding on subject, of a level, with words in it.
func finds(t *testing.T, s *Store, subject string, level store.Level, words string) {
	t.Helper()
	findings := s.inspect(t.Context())
	for _, f := range findings {
		if f.Subject == subject && f.Level == level && strings.Contains(f.Text, words) {
			return
		}
	}
	t.Errorf("no %s on %s with %q in %v", level, subject, words, findings)
}

func TestInspectGoodServer(t *testing.T) {
	s := running(t, engines.Redis(t, "--maxmemory", "100mb").URL)
	findings := s.inspect(t.Context())
	for _, f := range findings {
		if f.Level != store.OK {
			t.Errorf("%v", f)
		}
	}
	subjects := map[string]bool{}
	for _, f := range findings {
		subjects[f.Subject] = true
	}
	for _, want := range []string{"version", "role", "eviction", "memory", "persistence", "replication", "round trip", "clock"} {
		if !subjects[want] {
			t.Errorf("nothing on %s in %v", want, findings)
		}
	}
}

func TestInspectFinds(t *testing.T) {
	for name, c := range map[string]struct {
		arguments      []string
		subject, words string
		level          store.Level
	}{
		"eviction":       {[]string{"--maxmemory-policy", "allkeys-lru"}, "eviction", "set it to noeviction", store.Problem},
		"no limit":       {nil, "memory", "maxmemory is not set", store.Warning},
		"no persistence": {[]string{"--appendonly", "no"}, "persistence", "nothing is written to disk", store.Warning},
		"snapshots":      {[]string{"--appendonly", "no", "--save", "60", "1"}, "persistence", "claimed again", store.Problem},
		"everysec":       {[]string{"--appendfsync", "everysec"}, "persistence", "last second", store.Warning},
		"no fsync":       {[]string{"--appendfsync", "no"}, "persistence", "half minute", store.Warning},
		"small buffers":  {[]string{"--client-output-buffer-limit", "pubsub", "32mb", "64kb", "60"}, "subscription", "65536 bytes", store.Warning},
	} {
		t.Run(name, func(t *testing.T) {
			finds(t, running(t, engines.Redis(t, c.arguments...).URL), c.subject, c.level, c.words)
		})
	}
}

func TestInspectReplication(t *testing.T) {
	primary := engines.Redis(t)
	s := running(t, primary.URL)
	replica := engines.Redis(t, "--replicaof", "127.0.0.1", strconv.Itoa(primary.Port))
	eventually(t, "replica", func() error {
		if info := command(t, primary, "INFO", "replication"); !strings.Contains(info, "connected_slaves:1") {
			return fmt.Errorf("%s", info)
		}
		return nil
	})
	finds(t, s, "replication", store.Warning, "min-replicas-to-write is 0")
	command(t, primary, "CONFIG", "SET", "min-replicas-to-write", "1")
	finds(t, s, "replication", store.OK, "1 replicas, of which 1 must be there")
	command(t, primary, "REPLICAOF", "127.0.0.1", strconv.Itoa(replica.Port))
	finds(t, s, "role", store.Problem, "is a replica")
}

func TestInspectCluster(t *testing.T) {
	cluster := engines.RedisCluster(t)
	s := running(t, cluster.URL)
	for _, node := range cluster.Nodes {
		finds(t, s, "version", store.OK, fmt.Sprintf("127.0.0.1:%d: ", node.Port))
		finds(t, s, "coverage", store.Warning, fmt.Sprintf("127.0.0.1:%d: cluster-require-full-coverage is yes", node.Port))
	}
	command(t, cluster.Nodes[1], "CONFIG", "SET", "maxmemory-policy", "volatile-lru")
	finds(t, s, "eviction", store.Problem, fmt.Sprintf("127.0.0.1:%d: maxmemory-policy is volatile-lru", cluster.Nodes[1].Port))
}

func TestInspectWithoutRights(t *testing.T) {
	server := engines.Redis(t)
	allow(t, server, accessRule)
	s := running(t, asUser(server.URL, "dss:hunter2"))
	finds(t, s, "settings", store.Warning, "could not be checked")
	command(t, server, "ACL", "SETUSER", "dss", "-time")
	finds(t, s, "clock", store.Warning, "TIME")
	command(t, server, "ACL", "SETUSER", "dss", "-info")
	finds(t, s, "server", store.Problem, "lacks a permission")
}

func TestInspectUnreachable(t *testing.T) {
	server := engines.Redis(t)
	s := open(t, server.URL, store.Limits{})
	defer s.Close()
	server.Kill()
	finds(t, s, "server", store.Problem, "no connection")
}

func TestInspectConnection(t *testing.T) {
	s := running(t, engines.Redis(t).URL)
	s.config.addresses = []string{"10.0.0.1:6379"}
	finds(t, s, "encryption", store.Warning, "rediss://")
	finds(t, s, "password", store.Warning, "asks for no password")
}

func TestInspectVersion(t *testing.T) {
	n := node{info: map[string]string{"redis_version": "6.0.16"}}
	if f := n.version(); f.Level != store.Problem || !strings.Contains(f.Text, "6.2") {
		t.Errorf("%v", f)
	}
	n.info = map[string]string{"redis_version": "7.2.4", "valkey_version": "8.1.0"}
	if f := n.version(); f.Level != store.OK || !strings.Contains(f.Text, "Valkey 8.1.0") {
		t.Errorf("%v", f)
	}
}
