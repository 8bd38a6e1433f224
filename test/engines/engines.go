// Package engines starts real Redis and PostgreSQL servers for tests and
// benchmarks: on free loopback ports, with their data in a folder of their own.
package engines

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/program"
)

const (
	// startTime bounds how long a server may take to answer.
	startTime = 60 * time.Second
	// stopTime bounds how long one may take to end.
	stopTime = 30 * time.Second
)

// Server is one running server.
type Server struct {
	URL  string // for --store
	Port int
	Log  *program.Log

	folder  string
	command func() *exec.Cmd
	ready   func(ctx context.Context) error
	end     syscall.Signal // which ends it in an orderly way
	cmd     *exec.Cmd
	exited  chan struct{}
}

// start starts the server and waits until it answers.
func (s *Server) start() error {
	s.cmd = s.command()
	s.cmd.Stdout, s.cmd.Stderr = s.Log, s.Log
	exited := make(chan struct{})
	s.exited = exited
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("%w; test/setup installs it", err)
	}
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait() // how it ended shows in its log
		close(exited)
	}(s.cmd)
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	if err := s.await(ctx); err != nil {
		s.Kill()
		return fmt.Errorf("%s does not start: %w\n%s", filepath.Base(s.cmd.Path), err, s.Log)
	}
	return nil
}

func (s *Server) await(ctx context.Context) error {
	return poll(ctx, func() error {
		select {
		case <-s.exited:
			return errEnded
		default:
			return s.ready(ctx)
		}
	})
}

var errEnded = errors.New("it has ended")

// poll tries until there is no error, ctx ends, or the server has.
func poll(ctx context.Context, try func() error) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := try()
		if err == nil || errors.Is(err, errEnded) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-ticker.C:
		}
	}
}

// Kill ends the server as a power failure does, and waits for that.
func (s *Server) Kill() { s.signal(syscall.SIGKILL) }

// Stop ends the server in an orderly way, and waits for that.
func (s *Server) Stop() { s.signal(s.end) }

func (s *Server) signal(with syscall.Signal) {
	_ = s.cmd.Process.Signal(with)
	select {
	case <-s.exited:
	case <-time.After(stopTime):
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
}

// Pause stops the server in its tracks: connections stay, nothing answers.
func (s *Server) Pause() error { return s.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume undoes Pause.
func (s *Server) Resume() error { return s.cmd.Process.Signal(syscall.SIGCONT) }

// Restart starts the server again, after Kill or Stop, on the same port with
// the same data.
func (s *Server) Restart() error { return s.start() }

// Close ends the server for good and removes its data.
func (s *Server) Close() error {
	s.Kill()
	return os.RemoveAll(s.folder)
}

// onFreePort starts what build builds on a free port, with room above it for
// the bus of a cluster's node.
func onFreePort(name string, build func(folder string, port int) (*Server, error)) (*Server, error) {
	folder, err := os.MkdirTemp("", "dss-"+name+"-")
	if err != nil {
		return nil, err
	}
	port, err := program.Port(busOffset)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	s, err := build(folder, port)
	if err == nil {
		s.folder, s.Port, s.Log = folder, port, &program.Log{}
		err = s.start()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return s, nil
}

// unprivileged has cmd run as another user if this process is root, which
// servers refuse to be, and gives that user folder.
func unprivileged(cmd *exec.Cmd, name, folder string) error {
	if os.Getuid() != 0 {
		return nil
	}
	account, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		return err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return os.Chown(folder, uid, gid)
}

// find returns the newest program that matches a pattern, or the one in PATH.
func find(name, pattern string) (string, error) {
	matches, err := filepath.Glob(pattern)
	if err == nil && len(matches) > 0 {
		return matches[len(matches)-1], nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w; test/setup installs it", err)
	}
	return path, nil
}

// postgresProgram finds a program of the PostgreSQL server: Debian's, or that
// in the folder DSS_TEST_POSTGRES.
func postgresProgram(name string) (string, error) {
	if folder := os.Getenv("DSS_TEST_POSTGRES"); folder != "" {
		return filepath.Join(folder, name), nil
	}
	return debianPostgres(name)
}

func debianPostgres(name string) (string, error) {
	return find(name, "/usr/lib/postgresql/*/bin/"+name)
}

// redisProgram is the Redis server: the one in PATH, or DSS_TEST_REDIS.
func redisProgram() string { return cmp.Or(os.Getenv("DSS_TEST_REDIS"), "redis-server") }

// must fails the test on an error, and ends the server with it.
func must[S interface{ Close() error }](t testing.TB, s S, err error) S {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
