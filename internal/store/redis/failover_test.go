//go:build integration

package redis

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/desktop-stack-serv/dss/test/engines"
)

// TestPrimaryKilledUnderSentinel goes on, without a new store, on the replica
// that is promoted.
func TestPrimaryKilledUnderSentinel(t *testing.T) {
	set := engines.Sentinel(t, 1)
	s, other := running(t, set.URL), running(t, set.URL)
	for n := range 100 {
		create(t, s, n, "kept")
	}
	take(t, s, 0)
	if got, err := set.Primary.RedisCommand("WAIT", "1", "5000"); err != nil || got != ":1" {
		t.Fatalf("the replica does not follow: %s, %v", got, err)
	}
	eventually(t, "replication of all", func() error { return inStep(set) })
	woken := watching(t, s, 500)
	set.Primary.Kill()
	failsInTime(t, s)
	fires(t, woken)
	recovers(t, s, other, 1000)
	recovers(t, other, s, 2000)
	if got := take(t, other, 0); got != "absent" {
		t.Errorf("what was taken is back: %q", got)
	}
	for n := range 99 {
		if got := take(t, other, n+1); got != "kept" {
			t.Fatalf("%d after the failover: %q", n+1, got)
		}
	}
}

// inStep returns an error while the replica lacks something.
func inStep(set *engines.SentinelSet) error {
	counts := map[string]string{}
	for name, server := range map[string]*engines.Server{"primary": set.Primary, "replica": set.Replicas[0]} {
		size, err := server.RedisCommand("DBSIZE")
		if err != nil {
			return err
		}
		counts[name] = size
	}
	if counts["primary"] != counts["replica"] {
		return fmt.Errorf("%v", counts)
	}
	return nil
}

// TestSlotThatMoves moves a slot with its keys to another node while it is in
// use.
func TestSlotThatMoves(t *testing.T) {
	cluster := engines.RedisCluster(t)
	s := running(t, cluster.URL)
	entry, counter := s.names.entry(id(1)), s.names.usage(id(1)[0])
	create(t, s, 1, "kept")
	slot := command(t, cluster.Nodes[0], "CLUSTER", "KEYSLOT", entry)[1:]
	number, err := strconv.Atoi(slot)
	if err != nil {
		t.Fatal(err)
	}
	var from, to *engines.Server
	for i, node := range cluster.Nodes {
		if number < (i+1)*16384/3 {
			from, to = node, cluster.Nodes[(i+1)%3]
			break
		}
	}
	fromID, toID := command(t, from, "CLUSTER", "MYID"), command(t, to, "CLUSTER", "MYID")
	command(t, to, "CLUSTER", "SETSLOT", slot, "IMPORTING", fromID)
	command(t, from, "CLUSTER", "SETSLOT", slot, "MIGRATING", toID)
	command(t, from, "MIGRATE", "127.0.0.1", strconv.Itoa(to.Port), entry, "0", "5000")

	// One of the two keys is here, the other there: Redis says TRYAGAIN.
	var group sync.WaitGroup
	group.Go(func() {
		if got := take(t, s, 1); got != "kept" {
			t.Errorf("took %q", got)
		}
	})
	eventually(t, "refusal", func() error { return refusedOnce(from, to) })
	command(t, from, "MIGRATE", "127.0.0.1", strconv.Itoa(to.Port), counter, "0", "5000")
	for _, node := range []*engines.Server{to, from} {
		command(t, node, "CLUSTER", "SETSLOT", slot, "NODE", toID)
	}
	group.Wait()
	create(t, s, 1, "on the new node")
	if got := take(t, s, 1); got != "on the new node" {
		t.Errorf("took %q", got)
	}
}

// refusedOnce returns an error until a node has said TRYAGAIN.
func refusedOnce(nodes ...*engines.Server) error {
	for _, node := range nodes {
		info, err := node.RedisCommand("INFO", "errorstats")
		if err != nil || strings.Contains(info, "errorstat_TRYAGAIN") {
			return err
		}
	}
	return errors.New("no TRYAGAIN")
}

func command(t *testing.T, server *engines.Server, words ...string) string {
	t.Helper()
	answer, err := server.RedisCommand(words...)
	if err != nil {
		t.Fatalf("%v: %v", words, err)
	}
	return answer
}
