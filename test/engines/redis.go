package engines

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Redis runs a Redis server until the test ends. It keeps what it has
// acknowledged, as docs/operating.md recommends; arguments may say otherwise.
func Redis(t testing.TB, arguments ...string) *Server {
	t.Helper()
	s, err := StartRedis(arguments...)
	return must(t, s, err)
}

// StartRedis is [Redis] without a test.
func StartRedis(arguments ...string) (*Server, error) {
	return onFreePort("redis", func(folder string, port int) (*Server, error) {
		return newRedis(folder, port, arguments), nil
	})
}

func newRedis(folder string, port int, arguments []string) *Server {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	settings := append([]string{
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction",
	}, arguments...)
	return &Server{
		URL:     "redis://" + address,
		end:     syscall.SIGTERM,
		command: func() *exec.Cmd { return exec.Command(redisProgram(), settings...) },
		ready:   func(ctx context.Context) error { return redisReady(ctx, address) },
	}
}

func redisReady(ctx context.Context, address string) error {
	answer, err := redisCall(ctx, address, "PING")
	if err == nil && !strings.HasPrefix(answer, "+PONG") && !strings.HasPrefix(answer, "-NOAUTH") && !strings.HasPrefix(answer, "-NOPERM") {
		err = errors.New(answer)
	}
	return err
}

// redisCall sends one command and returns what answers it, of which only the
// first line, or the text of a bulk string.
func redisCall(ctx context.Context, address string, command ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return "", err
	}
	var request strings.Builder
	fmt.Fprintf(&request, "*%d\r\n", len(command))
	for _, word := range command {
		fmt.Fprintf(&request, "$%d\r\n%s\r\n", len(word), word)
	}
	if _, err := conn.Write([]byte(request.String())); err != nil {
		return "", err
	}
	return readReply(bufio.NewReader(conn))
}

func readReply(in *bufio.Reader) (string, error) {
	line, err := in.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "$") {
		return strings.TrimSpace(line), err
	}
	size, err := strconv.Atoi(strings.TrimSpace(line[1:]))
	if err != nil || size < 0 {
		return "", err
	}
	text := make([]byte, size)
	for n := 0; n < size; {
		more, err := in.Read(text[n:])
		if err != nil {
			return "", err
		}
		n += more
	}
	return string(text), nil
}

// RedisCommand sends one command to a server and returns the first line of
// its answer, or the text of a bulk string. An error reply is an error.
func (s *Server) RedisCommand(command ...string) (string, error) {
	answer, err := redisCall(context.Background(), net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)), command...)
	if err == nil && strings.HasPrefix(answer, "-") {
		err = errors.New(answer[1:])
	}
	return answer, err
}
