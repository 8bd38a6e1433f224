//go:build integration

package redis

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/test/engines"
)

// accessRule is the rule in docs/operating.md, without the name and the
// password.
const accessRule = "resetkeys resetchannels -@all ~dss:* &dss:* " +
	"+get +set +del +hincrby +hgetall +hdel +pttl +pexpire +eval +evalsha +publish +subscribe " +
	"+ping +info +time +role +cluster|slots +cluster|shards"

// TestDocumentedRule keeps docs/operating.md and the tests together.
func TestDocumentedRule(t *testing.T) {
	guide, err := os.ReadFile("../../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(strings.Fields(string(guide)), " "), accessRule) {
		t.Error("docs/operating.md has another rule")
	}
}

func allow(t *testing.T, server *engines.Server, rule string) {
	t.Helper()
	command(t, server, append([]string{"ACL", "SETUSER", "dss", "reset", "on", ">hunter2"}, strings.Fields(rule)...)...)
}

func asUser(url, credentials string) string {
	return strings.Replace(url, "redis://", "redis://"+credentials+"@", 1)
}

// TestLeastRights does everything as a user who may do nothing else.
func TestLeastRights(t *testing.T) {
	server := engines.Redis(t)
	cluster := engines.RedisCluster(t)
	for name, c := range map[string]struct {
		url   string
		nodes []*engines.Server
	}{"single": {server.URL, []*engines.Server{server}}, "cluster": {cluster.URL, cluster.Nodes}} {
		t.Run(name, func(t *testing.T) {
			for _, node := range c.nodes {
				allow(t, node, accessRule)
			}
			s := running(t, asUser(c.url, "dss:hunter2"))
			if findings := store.Exercise(t.Context(), s); store.Worst(findings) != store.OK {
				t.Error(findings)
			}
			if _, err := s.count(t.Context()); err != nil {
				t.Errorf("count: %v", err)
			}
			for n := range 100 {
				create(t, s, n, "value")
				take(t, s, n)
			}
			for _, f := range s.inspect(t.Context()) {
				if f.Level == store.Problem {
					t.Errorf("%v", f)
				}
			}
			for _, node := range c.nodes {
				command(t, node, "ACL", "SETUSER", "dss", "+acl|log")
			}
			denied, err := s.client.Do(t.Context(), s.client.B().AclLog().Count(100).Build()).ToArray()
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range denied {
				entry, _ := d.AsMap()
				object := entry["object"]
				if what, _ := object.ToString(); what != "config|get" && what != "config" {
					t.Errorf("%s is not allowed", what)
				}
			}
		})
	}
}

// TestMissingRight says which right is missing, and stores nothing half.
func TestMissingRight(t *testing.T) {
	server := engines.Redis(t)
	for _, right := range []string{"~dss:*", "&dss:*", "+get", "+set", "+hincrby", "+pttl", "+pexpire", "+publish"} {
		t.Run(right, func(t *testing.T) {
			command(t, server, "FLUSHALL")
			allow(t, server, strings.Replace(accessRule, right+" ", "", 1))
			s := open(t, asUser(server.URL, "dss:hunter2"), store.Limits{})
			defer s.Close()
			ok, err := s.Create(t.Context(), id(1), []byte("value"), time.Hour)
			if ok || err == nil || !strings.Contains(err.Error(), "lacks a permission") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Create = %v, %v", ok, err)
			}
			if there := command(t, server, "EXISTS", s.names.entry(id(1))); there != ":0" {
				t.Errorf("half-stored: %s", there)
			}
		})
	}
}

// TestNoRightToSubscribe works, with late wakes, and says so.
func TestNoRightToSubscribe(t *testing.T) {
	server := engines.Redis(t)
	allow(t, server, strings.Replace(accessRule, "+subscribe ", "", 1))
	s := open(t, asUser(server.URL, "dss:hunter2"), store.Limits{})
	defer s.Close()
	heard := false
	if err := s.listen(t.Context(), func() { heard = true }); heard || err == nil || !strings.Contains(err.Error(), "lacks a permission") {
		t.Errorf("listen = %v, heard %v", err, heard)
	}
	create(t, s, 1, "value")
	if got := take(t, s, 1); got != "value" {
		t.Errorf("took %q", got)
	}
}
