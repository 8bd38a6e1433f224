package redis

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/desktop-stack-serv/dss/internal/store"
)

// roundTrips is how many requests are timed.
const roundTrips = 20

// node is what one server says about itself.
type node struct {
	address  string
	info     map[string]string // of INFO
	settings map[string]string // of CONFIG GET; nil if that is not allowed
	cluster  bool
	sentinel bool
}

// Preview returns a [store.URLError] if a URL cannot be used, and otherwise the
// store's name. It connects to nothing.
func Preview(url string) (string, error) {
	if _, err := parseURL(url); err != nil {
		return "", err
	}
	return store.Preview(url), nil
}

// Check examines the store at a URL. An error is a [store.URLError].
func Check(ctx context.Context, url string) ([]store.Finding, error) {
	s, err := Open(ctx, url, store.Unlimited, slog.New(slog.DiscardHandler))
	if err != nil {
		return store.Failed(err)
	}
	return store.Examine(ctx, url, s, s.inspect), nil
}

// inspect looks at every primary.
func (s *Store) inspect(ctx context.Context) []store.Finding {
	findings := s.inspectConnection()
	clients := map[string]rueidis.Client{"": s.client}
	if s.client.Mode() == rueidis.ClientModeCluster {
		clients = s.client.Nodes()
	}
	primaries := 0
	for _, address := range slices.Sorted(maps.Keys(clients)) {
		n, err := s.ask(ctx, clients[address])
		if err != nil {
			findings = append(findings, n.find(store.Problem, "server", "%v", err))
			continue
		}
		n.address = address
		if n.cluster && n.info["role"] != "master" {
			continue
		}
		primaries++
		findings = append(findings, n.inspect()...)
		findings = append(findings, measure(ctx, clients[address])...)
	}
	if primaries == 0 {
		findings = append(findings, store.Finding{Level: store.Problem, Subject: "role", Text: "no primary has been found"})
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

// settings returns those settings that matter, or nil: many services forbid
// to ask.
func settings(ctx context.Context, client rueidis.Client) map[string]string {
	all := map[string]string{}
	for _, name := range []string{"save", "appendfsync", "min-replicas-to-write", "cluster-require-full-coverage", "client-output-buffer-limit"} {
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

// measure times a server and compares its clock with this machine's.
func measure(ctx context.Context, client rueidis.Client) []store.Finding {
	took := make([]time.Duration, 0, roundTrips)
	for range roundTrips {
		began := time.Now()
		if _, err := call(ctx, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, client.Do(ctx, client.B().Ping().Build()).Error()
		}); err != nil {
			return []store.Finding{{Level: store.Problem, Subject: "round trip", Text: err.Error()}}
		}
		took = append(took, time.Since(began))
	}
	began := time.Now()
	parts, err := call(ctx, func(ctx context.Context) ([]int64, error) {
		return client.Do(ctx, client.B().Time().Build()).AsIntSlice()
	})
	trip := time.Since(began)
	if err != nil || len(parts) != 2 {
		return []store.Finding{store.RoundTrips(took), {Level: store.Warning, Subject: "clock", Text: "the server does not tell its time, so whether the clocks agree could not be checked; allow the user TIME"}}
	}
	theirs := time.Unix(parts[0], parts[1]*1000)
	return []store.Finding{store.RoundTrips(took), store.Clock(theirs.Sub(began.Add(trip/2)), trip/2)}
}

// inspectConnection looks at the URL.
func (s *Store) inspectConnection() []store.Finding {
	c := s.config
	var findings []store.Finding
	if c.tls == nil && !c.loopback() {
		findings = append(findings, store.Finding{Level: store.Warning, Subject: "encryption",
			Text: "the connection is not encrypted: whoever is on the way can take deposits out of the store, though not read them; use rediss://, or a network that is yours alone"})
	}
	if c.password == "" && !c.loopback() {
		findings = append(findings, store.Finding{Level: store.Warning, Subject: "password",
			Text: "the server asks for no password: whoever reaches its port can delete what waits; give DSS a user of its own (docs/operating.md has the rule)"})
	}
	return findings
}

// find makes a finding of what concerns n.
func (n node) find(level store.Level, subject, format string, arguments ...any) store.Finding {
	text := fmt.Sprintf(format, arguments...)
	if n.cluster {
		host, port, _ := net.SplitHostPort(n.address)
		text = net.JoinHostPort(host, port) + ": " + text
	}
	return store.Finding{Level: level, Subject: subject, Text: text}
}
