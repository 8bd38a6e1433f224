//go:build integration

package process_test

import (
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/test/program"
)

// TestUnreadLog: nobody reads the log, and the server serves and ends all the
// same.
func TestUnreadLog(t *testing.T) {
	t.Parallel()
	unread, log, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Close()
	defer log.Close()
	const requests = 2000 // whose lines a pipe does not hold
	cmd := exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--store", "memory:", "--limits", "off")
	cmd.Stderr = log
	served, err := program.Serve(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer served.Kill()
	p := &process{Process: served, t: t, url: served.URL, client: newClient()}
	for i := range requests {
		if status, body := p.claim(rand.Text()); status != http.StatusNotFound {
			t.Fatalf("request %d: %d %s", i, status, body)
		}
	}
	p.terminate()
	buffer := make([]byte, 64<<10)
	n, err := unread.Read(buffer)
	if err != nil || n < 4096 || !strings.HasSuffix(string(buffer[:n]), "\n") {
		t.Errorf("of the log, %d bytes can be read: %v", n, err)
	}
}

// TestReadersGone: who read the log, or standard output, or both, is gone
// before the server says the first word, or afterwards. It serves, counts what
// it could not write, and ends in order.
func TestReadersGone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ stdout, stderr, early bool }{
		"log":             {stderr: true},
		"log, early":      {stderr: true, early: true},
		"output, early":   {stdout: true, early: true},
		"both":            {stdout: true, stderr: true},
		"both, early":     {stdout: true, stderr: true, early: true},
		"nothing is gone": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, admin := program.FreeAddress(t), program.FreeAddress(t)
			cmd := exec.Command(binary, "serve", "--listen", address, "--admin-listen", admin, "--store", "memory:")
			var readers []*os.File
			pipe := func(wanted bool) *os.File {
				if !wanted {
					return nil
				}
				reader, writer, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { writer.Close() })
				readers = append(readers, reader)
				return writer
			}
			if w := pipe(c.stdout); w != nil {
				cmd.Stdout = w
			}
			if w := pipe(c.stderr); w != nil {
				cmd.Stderr = w
			}
			leave := func() {
				for _, reader := range readers {
					reader.Close()
				}
			}
			if c.early {
				leave()
			}
			launched, err := program.Launch(cmd)
			if err != nil {
				t.Fatal(err)
			}
			defer launched.Kill()
			if err := launched.Until("listening", func() bool { return program.Listens(address) && program.Listens(admin) }); err != nil {
				t.Fatal(err)
			}
			leave()
			p := &process{Process: launched, t: t, url: "http://" + address, client: newClient()}
			for range 10 {
				key := rand.Text()
				if !p.deposit(key, "T") {
					t.Fatal("no deposit")
				}
				if status, body := p.claim(key); status != http.StatusOK {
					t.Fatalf("claim: %d %s", status, body)
				}
			}
			dropped := func() bool {
				answer, err := newClient().Get("http://" + admin + "/metrics")
				if err != nil {
					return false
				}
				defer answer.Body.Close()
				text, err := io.ReadAll(answer.Body)
				return err == nil && !strings.Contains(string(text), "\ndss_log_lines_dropped_total 0\n")
			}
			if c.stderr {
				if err := p.Until("lines are counted", dropped); err != nil {
					t.Error(err)
				}
			} else if dropped() {
				t.Error("lines were dropped")
			}
			p.terminate()
		})
	}
}
