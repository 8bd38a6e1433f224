package engines

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// PgBouncer runs a pooler in front of a PostgreSQL server until the test ends.
// It pools transactions: each may run in another session of the server.
func PgBouncer(t testing.TB, server *Server) *Server {
	t.Helper()
	s, err := onFreePort("pgbouncer", func(folder string, port int) (*Server, error) {
		if err := os.Chmod(folder, 0o755); err != nil {
			return nil, err
		}
		return newPgBouncer(folder, port, server)
	})
	return must(t, s, err)
}

func newPgBouncer(folder string, port int, server *Server) (*Server, error) {
	program, err := find("pgbouncer", "/usr/sbin/pgbouncer")
	if err != nil {
		return nil, err
	}
	psql, err := debianPostgres("psql")
	if err != nil {
		return nil, err
	}
	users, settings := filepath.Join(folder, "users"), filepath.Join(folder, "pgbouncer.ini")
	text := fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\n"+
		"pool_mode = transaction\ndefault_pool_size = 5\nauth_type = trust\nauth_file = %s\n", server.Port, port, users)
	for name, content := range map[string]string{users: "\"dss\" \"\"\n", settings: text} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			return nil, err
		}
	}
	url := strings.Replace(server.URL, fmt.Sprintf(":%d/", server.Port), fmt.Sprintf(":%d/", port), 1)
	return &Server{
		URL: url,
		end: syscall.SIGTERM, // at once: it does not wait for clients
		command: func() *exec.Cmd {
			cmd := exec.Command(program, settings)
			cmd.Dir = folder
			_ = unprivileged(cmd, "postgres", folder) // it worked for the server
			return cmd
		},
		ready: func(ctx context.Context) error {
			return exec.CommandContext(ctx, psql, "--no-psqlrc", "--quiet", "--command", "SELECT 1", url).Run()
		},
	}, nil
}
