package engines

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// MasterSet is the name under which the sentinels know the primary.
const MasterSet = "dss"

// SentinelSet is a primary, its replicas, and three sentinels that promote one
// of these when the primary is gone.
type SentinelSet struct {
	URL       string // for --store
	Primary   *Server
	Replicas  []*Server
	sentinels []*Server
}

// Sentinel runs a set until the test ends. Arguments are those of the primary
// and of the replicas.
func Sentinel(t testing.TB, replicas int, arguments ...string) *SentinelSet {
	t.Helper()
	s, err := startSentinelSet(replicas, arguments)
	return must(t, s, err)
}

func startSentinelSet(replicas int, arguments []string) (*SentinelSet, error) {
	s := &SentinelSet{}
	if err := s.startAll(replicas, arguments); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.URL = fmt.Sprintf("%s?master_set=%s&addr=127.0.0.1:%d&addr=127.0.0.1:%d",
		s.sentinels[0].URL, MasterSet, s.sentinels[1].Port, s.sentinels[2].Port)
	return s, nil
}

func (s *SentinelSet) startAll(replicas int, arguments []string) (err error) {
	arguments = append([]string{"--repl-diskless-sync-delay", "0"}, arguments...)
	if s.Primary, err = StartRedis(arguments...); err != nil {
		return err
	}
	following := append([]string{"--replicaof", "127.0.0.1", strconv.Itoa(s.Primary.Port)}, arguments...)
	for range replicas {
		replica, err := StartRedis(following...)
		if err != nil {
			return err
		}
		s.Replicas = append(s.Replicas, replica)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	if err := poll(ctx, s.replicating); err != nil {
		return fmt.Errorf("replication: %w", err)
	}
	for range 3 {
		one, err := startSentinel(s.Primary.Port)
		if err != nil {
			return err
		}
		s.sentinels = append(s.sentinels, one)
	}
	if err := poll(ctx, s.watching); err != nil {
		return fmt.Errorf("sentinels: %w", err)
	}
	return nil
}

func (s *SentinelSet) replicating() error { return following(s.Replicas) }

// following returns an error while one of some replicas has no primary.
func following(replicas []*Server) error {
	for _, replica := range replicas {
		info, err := replica.RedisCommand("INFO", "replication")
		if err != nil {
			return err
		}
		if !strings.Contains(info, "master_link_status:up") {
			return errors.New(info)
		}
	}
	return nil
}

// watching returns an error until each sentinel knows the replicas and the
// other two.
func (s *SentinelSet) watching() error {
	for _, one := range s.sentinels {
		info, err := one.RedisCommand("INFO", "sentinel")
		if err != nil {
			return err
		}
		if !strings.Contains(info, fmt.Sprintf("slaves=%d,sentinels=3", len(s.Replicas))) {
			return errors.New(info)
		}
	}
	return nil
}

func startSentinel(primary int) (*Server, error) {
	return onFreePort("sentinel", func(folder string, port int) (*Server, error) {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		file := filepath.Join(folder, "sentinel.conf")
		settings := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor %s 127.0.0.1 %d 2\n"+
			"sentinel down-after-milliseconds %s 1000\nsentinel failover-timeout %s 5000\n",
			port, folder, MasterSet, primary, MasterSet, MasterSet)
		return &Server{
			URL:     "redis://" + address,
			end:     syscall.SIGTERM,
			command: func() *exec.Cmd { return exec.Command(redisProgram(), file, "--sentinel") },
			ready:   func(ctx context.Context) error { return redisReady(ctx, address) },
		}, os.WriteFile(file, []byte(settings), 0o600)
	})
}

// Close ends all of them.
func (s *SentinelSet) Close() (err error) {
	for _, one := range append(append(s.sentinels, s.Replicas...), s.Primary) {
		if one != nil {
			err = errors.Join(err, one.Close())
		}
	}
	return err
}
