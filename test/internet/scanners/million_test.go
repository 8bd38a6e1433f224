//go:build integration && internet

package scanners_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	addresses = 1_000_000
	settled   = 200_000 // after so many the memory has grown as far as it does
	conns     = 32
	batch     = 50 // requests under way on one connection
)

// TestMillionClients asks from a million addresses, for a key each, through a
// proxy that is trusted. Every one is served, and the server needs hardly more
// memory for the million than for the first fifth of it.
func TestMillionClients(t *testing.T) {
	// What all together may do does not matter here.
	s := launch(t, nil, "--trusted-proxies", "127.0.0.0/8", "--limits", "1000")
	began := time.Now()
	s.askFrom(0, settled)
	first := s.resident()
	s.askFrom(settled, addresses)
	last := s.resident()
	t.Logf("%d MiB after %d addresses, %d MiB after %d, within %v", first>>20, settled, last>>20, addresses, time.Since(began))
	if last > first+first/4 {
		t.Errorf("memory grows from %d to %d bytes", first, last)
	}
}

// askFrom sends a request from each address from first up to last.
func (s *server) askFrom(first, last int) {
	s.Helper()
	var group sync.WaitGroup
	failed := make([]error, conns)
	for i := range failed {
		each := (last - first) / conns
		group.Go(func() { failed[i] = s.askOver(first+i*each, first+(i+1)*each) })
	}
	group.Wait()
	if err := errors.Join(failed...); err != nil {
		s.Fatal(err)
	}
}

// askOver sends them over one connection, a batch at a time.
func (s *server) askOver(first, last int) error {
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Minute))
	in := bufio.NewReader(conn)
	var out strings.Builder
	for at := first; at < last; at += batch {
		end := min(at+batch, last)
		out.Reset()
		for n := at; n < end; n++ {
			fmt.Fprintf(&out, "GET /auth/token?key=a-key-of-one-in-a-million-%d HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: %d.%d.%d.%d\r\n\r\n",
				n, s.address, 20+n>>24, n>>16&255, n>>8&255, n&255)
		}
		if _, err := io.WriteString(conn, out.String()); err != nil {
			return err
		}
		for range end - at {
			if err := absent(in); err != nil {
				return err
			}
		}
	}
	return nil
}

// absent reads an answer, which must be that there is no token.
func absent(in *bufio.Reader) error {
	status, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(status, "HTTP/1.1 404 ") {
		return fmt.Errorf("a client in the million gets %q", status)
	}
	length := 0
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return err
			}
		}
		if line == "\r\n" {
			_, err := in.Discard(length)
			return err
		}
	}
}

var residentPattern = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// resident is the memory that the server has in RAM, in bytes.
func (s *server) resident() int64 {
	s.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	match := residentPattern.FindSubmatch(status)
	if err != nil || match == nil {
		s.Fatal(errors.Join(err, errors.New("the system does not tell a process's memory")))
	}
	kilobytes, err := strconv.ParseInt(string(match[1]), 10, 64)
	if err != nil {
		s.Fatal(err)
	}
	return kilobytes << 10
}
