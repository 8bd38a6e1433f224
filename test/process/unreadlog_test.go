package process_test

import (
	"crypto/rand"
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
