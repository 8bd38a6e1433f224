package redis

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/desktop-stack-serv/dss/internal/store"
)

// node is what one server says about itself.
type node struct {
	info     map[string]string // of INFO
	settings map[string]string // of CONFIG GET; nil if that is not allowed
	cluster  bool
	sentinel bool
}

// Preview returns a [store.URLError] if a URL cannot be used, and otherwise the
// store's name. It connects to nothing.
func Preview(url string) (string, error) {
	_, err := parseURL(url)
	return store.Preview(url), err
}

// Check examines the store at a URL. An error is a [store.URLError].
func Check(ctx context.Context, url string) ([]store.Finding, error) {
	s, err := Open(ctx, url, store.Unlimited, slog.New(slog.DiscardHandler))
	if err != nil {
		return store.Failed(err)
	}
	return store.Examine(ctx, url, s, s.inspect), nil
}

// inspect judges every primary.
func (s *Store) inspect(ctx context.Context) []store.Finding {
	findings := s.inspectConnection()
	clients := map[string]rueidis.Client{"": s.client}
	if s.client.Mode() == rueidis.ClientModeCluster {
		clients = s.client.Nodes()
	}
	primaries := 0
	for _, address := range slices.Sorted(maps.Keys(clients)) {
		var prefix string
		if host, port, err := net.SplitHostPort(address); err == nil {
			prefix = net.JoinHostPort(host, port) + ": "
		}
		n, err := s.ask(ctx, clients[address])
		if err != nil {
			findings = append(findings, store.Problem.Finding("server", "%s%v", prefix, err))
			continue
		}
		if n.cluster && n.info["role"] != "master" {
			continue
		}
		primaries++
		for _, f := range n.inspect() {
			f.Text = prefix + f.Text
			findings = append(findings, f)
		}
		ask := func() (time.Time, error) { return askTime(ctx, clients[address]) }
		findings = append(findings, store.Measure(ask)...)
	}
	if primaries == 0 {
		findings = append(findings, store.Problem.Finding("role", "no primary has been found"))
	}
	return findings
}

// ask asks a server about itself.
func (s *Store) ask(ctx context.Context, client rueidis.Client) (node, error) {
	mode := s.client.Mode()
	n := node{cluster: mode == rueidis.ClientModeCluster, sentinel: mode == rueidis.ClientModeSentinel}
	info, err := call(ctx, func(ctx context.Context) (string, error) {
		return client.Do(ctx, client.B().Info().Build()).ToString()
	})
	if err != nil {
		return n, err
	}
	n.info = parseInfo(info)
	n.settings = settings(ctx, client)
	return n, nil
}

// settings returns the settings that matter, or nil if the service forbids CONFIG,
// as many do.
func settings(ctx context.Context, client rueidis.Client) map[string]string {
	all := map[string]string{}
	for _, name := range []string{
		"save", "appendfsync", "min-replicas-to-write", "cluster-require-full-coverage", "client-output-buffer-limit",
	} {
		one, err := call(ctx, func(ctx context.Context) (map[string]string, error) {
			return client.Do(ctx, client.B().ConfigGet().Parameter(name).Build()).AsStrMap()
		})
		if err != nil {
			return nil
		}
		maps.Copy(all, one)
	}
	return all
}

func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}

// askTime returns a server's time, or a zero time if the user may not ask.
func askTime(ctx context.Context, client rueidis.Client) (time.Time, error) {
	parts, err := call(ctx, func(ctx context.Context) ([]int64, error) {
		parts, err := client.Do(ctx, client.B().Time().Build()).AsIntSlice()
		if _, refused := rueidis.IsRedisErr(err); refused {
			return nil, client.Do(ctx, client.B().Ping().Build()).Error()
		}
		return parts, err
	})
	if err != nil || len(parts) != 2 {
		return time.Time{}, err
	}
	return time.Unix(parts[0], parts[1]*1000), nil
}

// inspectConnection judges the URL.
func (s *Store) inspectConnection() []store.Finding {
	c := s.config
	if c.loopback() {
		return nil
	}
	var findings []store.Finding
	if c.tls == nil {
		findings = append(findings, store.Warning.Finding("encryption", "the connection is not encrypted: an attacker "+
			"on the way can take deposits out of the store, though not read them; use rediss://, or a private network"))
	}
	if c.password == "" {
		findings = append(findings, store.Warning.Finding("password", "the server asks for no password: any program "+
			"that reaches its port can delete deposits; give DSS a user of its own (docs/operating.md has the rule)"))
	}
	return findings
}

// leastPubSubBuffer is what a subscription may have to buffer while a DSS
// server is busy elsewhere.
const leastPubSubBuffer = 1 << 20

// inspect judges what n says about itself.
func (n node) inspect() []store.Finding {
	policy := n.info["maxmemory_policy"]
	most, _ := strconv.ParseInt(n.info["maxmemory"], 10, 64)
	findings := []store.Finding{
		n.version(), n.persistence(), n.replication(),
		store.Problem.Judge("role", n.info["role"] == "master", "primary",
			"this server is a replica, which cannot be written to: connect to the primary, or through Sentinel with "+
				"master_set"),
		store.Problem.Judge("eviction", policy == "noeviction", "maxmemory-policy is noeviction",
			"maxmemory-policy is "+policy+": when memory is short, pending sign-ins are removed without notice; set "+
				"it to noeviction"),
		store.Warning.Judge("memory", most > 0,
			fmt.Sprintf("maxmemory is %d MiB, of which %s is used", most>>20, n.info["used_memory_human"]),
			"maxmemory is not set: when memory is short, the system ends the server instead of the server refusing "+
				"deposits; set it, to half of what the server may use"),
	}
	if n.settings == nil {
		return append(findings, store.Warning.Finding("settings",
			"CONFIG is not allowed, so appendfsync, min-replicas-to-write and the limits of subscriptions could not "+
				"be checked: look at them where the server is set up"))
	}
	if limit := n.pubSubBuffer(); limit > 0 && limit < leastPubSubBuffer {
		findings = append(findings, store.Warning.Finding("subscription",
			"client-output-buffer-limit pubsub is %d bytes: a DSS server that is busy for a moment is cut off, and "+
				"apps that wait are answered late; set pubsub 32mb 8mb 60", limit))
	}
	if n.cluster && n.settings["cluster-require-full-coverage"] == "yes" {
		findings = append(findings, store.Warning.Finding("coverage",
			"cluster-require-full-coverage is yes: if one part of the cluster is gone, sign-ins in all others fail "+
				"too; set it to no"))
	}
	return findings
}

func (n node) version() store.Finding {
	version := n.info["redis_version"]
	if !newEnough(version) {
		return store.Problem.Finding("version", "%s is too old: DSS needs Redis %d.%d or newer, or Valkey",
			version, minMajor, minMinor)
	}
	if valkey := n.info["valkey_version"]; valkey != "" {
		return store.OK.Finding("version", "Valkey %s", valkey)
	}
	return store.OK.Finding("version", "Redis %s", version)
}

func (n node) persistence() store.Finding {
	const subject = "persistence"
	switch fsync := n.settings["appendfsync"]; {
	case n.info["aof_enabled"] == "0" && n.settings != nil && n.settings["save"] == "":
		return store.Warning.Finding(subject,
			"nothing is written to disk: a restart of the server loses every pending sign-in; set appendonly yes "+
				"and appendfsync always")
	case n.info["aof_enabled"] == "0":
		return store.Problem.Finding(subject,
			"appendonly is no: after a crash the server is as it was at its last snapshot, without the deposits "+
				"since, and with answers that have been claimed since, which can then be claimed again; set "+
				"appendonly yes and appendfsync always")
	case fsync == "no":
		return store.Warning.Finding(subject,
			"appendfsync is no: a power failure undoes what happened in about the last half minute, so that deposits "+
				"are lost and claimed answers can be claimed again; set it to always")
	case fsync == "everysec":
		return store.Warning.Finding(subject,
			"appendfsync is everysec: a power failure undoes what happened in about the last second, so that "+
				"deposits are lost and claimed answers can be claimed again; set it to always, which costs a write "+
				"to the disk for each batch of requests")
	case fsync == "always":
		return store.OK.Finding(subject, "appendonly with appendfsync always: what was acknowledged is on disk")
	}
	return store.OK.Finding(subject, "appendonly is on")
}

func (n node) replication() store.Finding {
	const subject = "replication"
	replicas, _ := strconv.Atoi(n.info["connected_slaves"])
	least, _ := strconv.Atoi(n.settings["min-replicas-to-write"])
	switch {
	case replicas == 0 && !n.sentinel:
		return store.OK.Finding(subject, "no replicas: while this server is down, no user can sign in")
	case n.settings != nil && least == 0:
		return store.Warning.Finding(subject,
			"%d replicas, and min-replicas-to-write is 0: a primary that is cut off goes on taking deposits and "+
				"handing out answers, and when a replica takes over, these deposits are lost and these answers can "+
				"be claimed again; set min-replicas-to-write 1 and min-replicas-max-lag 3, which bounds that to "+
				"about three seconds", replicas)
	}
	return store.OK.Finding(subject,
		"%d replicas, of which %d must be there for a change; replication is asynchronous, so a failover may undo "+
			"the last changes (docs/operating.md)", replicas, least)
}

// pubSubBuffer is the lower of the limits for subscriptions, 0 for none.
func (n node) pubSubBuffer() int64 {
	fields := strings.Fields(n.settings["client-output-buffer-limit"])
	for i := 0; i+2 < len(fields); i += 4 {
		if fields[i] != "pubsub" {
			continue
		}
		hard, _ := strconv.ParseInt(fields[i+1], 10, 64)
		soft, _ := strconv.ParseInt(fields[i+2], 10, 64)
		if hard > 0 && soft > 0 {
			return min(hard, soft)
		}
		return max(hard, soft)
	}
	return 0
}
