package engines

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// Postgres runs a PostgreSQL server until the test ends. Settings such as
// "fsync=off" are added to its configuration.
func Postgres(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := StartPostgres(settings...)
	return must(t, s, err)
}

// StartPostgres is [Postgres] without a test.
func StartPostgres(settings ...string) (*Server, error) {
	return onFreePort("postgres", func(folder string, port int) (*Server, error) {
		if err := os.Chmod(folder, 0o755); err != nil {
			return nil, err
		}
		data := filepath.Join(folder, "data")
		if err := initialize(folder, data); err != nil {
			return nil, err
		}
		return newPostgres(folder, data, port, settings)
	})
}

// initialize creates a database cluster.
func initialize(folder, data string) error {
	initdb, err := postgresProgram("initdb")
	if err != nil {
		return err
	}
	cmd := exec.Command(initdb, "--pgdata", data, "--username", "dss", "--auth", "trust", "--encoding", "UTF8",
		"--locale", "C", "--no-sync")
	cmd.Dir = folder
	if err := unprivileged(cmd, "postgres", folder); err != nil {
		return err
	}
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, output)
	}
	return nil
}

func newPostgres(folder, data string, port int, settings []string) (*Server, error) {
	postgres, err := postgresProgram("postgres")
	if err != nil {
		return nil, err
	}
	psql, err := debianPostgres("psql")
	if err != nil {
		return nil, err
	}
	arguments := []string{"-D", data, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="}
	for _, setting := range settings {
		arguments = append(arguments, "-c", setting)
	}
	url := fmt.Sprintf("postgres://dss@127.0.0.1:%d/postgres?sslmode=disable", port)
	return &Server{
		URL: url,
		end: syscall.SIGINT, // fast shutdown: it does not wait for clients
		command: func() *exec.Cmd {
			cmd := exec.Command(postgres, arguments...)
			cmd.Dir = folder
			_ = unprivileged(cmd, "postgres", folder) // it worked for initdb
			return cmd
		},
		ready: func(ctx context.Context) error {
			return exec.CommandContext(ctx, psql, "--no-psqlrc", "--quiet", "--command", "SELECT 1", url).Run()
		},
	}, nil
}

// SQL runs a statement and returns what psql prints of its result.
func (s *Server) SQL(statement string) (string, error) {
	psql, err := debianPostgres("psql")
	if err != nil {
		return "", err
	}
	output, err := exec.Command(psql, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
		"--set", "ON_ERROR_STOP=1", "--command", statement, s.URL).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, output)
	}
	return string(output), nil
}
