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

// SentinelSet is a primary, a replica, and three sentinels that promote the
// replica when the primary is gone.
type SentinelSet struct {
	URL              string // for --store
	Primary, Replica *Server
	sentinels        []*Server
}

// Sentinel runs a set until the test ends.
func Sentinel(t testing.TB) *SentinelSet {
	t.Helper()
	s, err := startSentinelSet()
	return must(t, s, err)
}

func startSentinelSet() (*SentinelSet, error) {
	s := &SentinelSet{}
	if err := s.startAll(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.URL = fmt.Sprintf("%s?master_set=%s&addr=127.0.0.1:%d&addr=127.0.0.1:%d",
		s.sentinels[0].URL, MasterSet, s.sentinels[1].Port, s.sentinels[2].Port)
	return s, nil
}

func (s *SentinelSet) startAll() (err error) {
	if s.Primary, err = StartRedis("--repl-diskless-sync-delay", "0"); err != nil {
		return err
	}
	if s.Replica, err = StartRedis("--replicaof", "127.0.0.1", strconv.Itoa(s.Primary.Port)); err != nil {
		return err
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

func (s *SentinelSet) replicating() error {
	info, err := s.Replica.RedisCommand("INFO", "replication")
	if err == nil && !strings.Contains(info, "master_link_status:up") {
		err = errors.New(info)
	}
	return err
}

// watching returns an error until each sentinel knows the replica and the
// other two.
func (s *SentinelSet) watching() error {
	for _, one := range s.sentinels {
		info, err := one.RedisCommand("INFO", "sentinel")
		if err != nil {
			return err
		}
		if !strings.Contains(info, "slaves=1,sentinels=3") {
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
	for _, one := range append(s.sentinels, s.Replica, s.Primary) {
		if one != nil {
			err = errors.Join(err, one.Close())
		}
	}
	return err
}
