package engines

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	// slots is how many hash slots a Redis cluster has.
	slots = 16384
	// busOffset is how far above its port a node listens for other nodes.
	// Redis 6.2 cannot be told another.
	busOffset = 10000
)

// Cluster is a Redis cluster.
type Cluster struct {
	URL      string // for --store
	Nodes    []*Server
	Replicas []*Server // of the nodes, in their order, if there are any
}

// RedisCluster runs a cluster of three until the test ends.
func RedisCluster(t testing.TB, arguments ...string) *Cluster {
	t.Helper()
	c, err := StartRedisCluster(arguments...)
	return must(t, c, err)
}

// StartRedisCluster is [RedisCluster] without a test.
func StartRedisCluster(arguments ...string) (*Cluster, error) {
	c := &Cluster{}
	for range 3 {
		node, err := startNode(arguments)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c.Nodes = append(c.Nodes, node)
	}
	if err := c.join(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	addresses := url.Values{}
	for _, node := range c.Nodes[1:] {
		addresses.Add("addr", fmt.Sprintf("127.0.0.1:%d", node.Port))
	}
	c.URL = c.Nodes[0].URL + "?" + addresses.Encode()
	return c, nil
}

// ReplicatedCluster is a [RedisCluster] with a replica for each node, until the
// test ends.
func ReplicatedCluster(t testing.TB, arguments ...string) *Cluster {
	t.Helper()
	c := RedisCluster(t, arguments...)
	t.Cleanup(func() {
		for _, replica := range c.Replicas {
			if err := replica.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	for range c.Nodes {
		replica, err := startNode(arguments)
		if err != nil {
			t.Fatal(err)
		}
		c.Replicas = append(c.Replicas, replica)
	}
	if err := c.replicate(); err != nil {
		t.Fatal(err)
	}
	return c
}

// replicate has each replica follow its node.
func (c *Cluster) replicate() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for _, replica := range c.Replicas {
		if err := c.introduce(replica); err != nil {
			return fmt.Errorf("meet: %w", err)
		}
	}
	if err := poll(ctx, c.whole); err != nil {
		return err
	}
	for i, replica := range c.Replicas {
		node, err := c.Nodes[i].RedisCommand("CLUSTER", "MYID")
		if err != nil {
			return err
		}
		if _, err := replica.RedisCommand("CLUSTER", "REPLICATE", node); err != nil {
			return fmt.Errorf("replicate: %w", err)
		}
	}
	return poll(ctx, func() error { return following(c.Replicas) })
}

// AwaitFailover waits until the replica of the i-th node has taken its place.
func (c *Cluster) AwaitFailover(i int) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	return poll(ctx, func() error {
		info, err := c.Replicas[i].RedisCommand("INFO", "replication")
		if err == nil && !strings.Contains(info, "role:master") {
			err = errors.New(info)
		}
		return err
	})
}

func startNode(arguments []string) (*Server, error) {
	return onFreePort("redis-node", func(folder string, port int) (*Server, error) {
		return newRedis(folder, port, append([]string{
			"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "2000",
			"--repl-diskless-sync-delay", "0",
		}, arguments...)), nil
	})
}

// join shares the slots among the nodes and has them meet.
func (c *Cluster) join() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for i, node := range c.Nodes {
		command := []string{"CLUSTER", "ADDSLOTS"} // ADDSLOTSRANGE came with Redis 7
		for slot := i * slots / len(c.Nodes); slot < (i+1)*slots/len(c.Nodes); slot++ {
			command = append(command, strconv.Itoa(slot))
		}
		if _, err := node.RedisCommand(command...); err != nil {
			return fmt.Errorf("share the slots: %w", err)
		}
		if _, err := node.RedisCommand("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)); err != nil {
			return fmt.Errorf("set epoch: %w", err)
		}
	}
	for _, node := range c.Nodes[1:] {
		if err := c.introduce(node); err != nil {
			return fmt.Errorf("meet: %w", err)
		}
	}
	return poll(ctx, c.whole)
}

func (c *Cluster) introduce(node *Server) error {
	_, err := c.Nodes[0].RedisCommand("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(node.Port))
	return err
}

// whole returns an error until every node knows all others and all slots.
func (c *Cluster) whole() error {
	all := len(c.Nodes) + len(c.Replicas)
	for _, node := range append(slices.Clone(c.Nodes), c.Replicas...) {
		info, err := node.RedisCommand("CLUSTER", "INFO")
		if err != nil {
			return err
		}
		if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", all)) {
			return errors.New(info)
		}
	}
	return nil
}

// Close ends all nodes.
func (c *Cluster) Close() (err error) {
	for _, node := range c.Nodes {
		err = errors.Join(err, node.Close())
	}
	return err
}
