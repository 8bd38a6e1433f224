//go:build integration

package scanners_test

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// slowConnections is how many slowhttptest keeps open; slowTime how long.
const (
	slowConnections = 300
	slowTime        = 12 * time.Second
)

// TestSlow holds the server's connections with headers, bodies and answers
// that take their time. Another client signs in meanwhile, over and over and
// on a new connection each time. Afterwards nothing is left.
func TestSlow(t *testing.T) {
	for what, args := range map[string][]string{
		"headers": {"-H", "-i", "3"},
		"body":    {"-B", "-i", "3"},
		"read":    {"-X", "-n", "1"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.signIn() // what the first request sets up stays
			before := s.usage()
			attacked, most, served := make(chan error, 1), 0, 0
			go func() { attacked <- s.attack(args) }()
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for ended := false; !ended; {
				select {
				case err := <-attacked:
					ended = true
					if err != nil {
						t.Error(err)
					}
				case <-tick.C:
					s.signIn()
					served++
					most = max(most, s.usage().files)
				}
			}
			t.Logf("%d sign-ins; before %v, at most %d files", served, before, most)
			if most < before.files+slowConnections/2 {
				t.Errorf("at most %d files were open: that was no attack", most)
			}
			if served < 10 {
				t.Errorf("only %d sign-ins while it lasts", served)
			}
			s.settles(before)
		})
	}
}

// attack runs slowhttptest, which also tries all the time whether the server
// still answers.
func (s *server) attack(args []string) error {
	report := filepath.Join(s.TempDir(), "slow")
	args = append(args, "-c", strconv.Itoa(slowConnections), "-r", "150", "-l", strconv.Itoa(int(slowTime.Seconds())), "-p", "3",
		"-g", "-o", report, "-u", "https://"+s.address+"/auth/token?key="+rand.Text())
	// It ends with the status of its last probe, which the report has too.
	out, _ := run(s.Context(), slowTime+time.Minute, "slowhttptest", args...)
	text, err := os.ReadFile(report + ".csv")
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) < 4 {
		return fmt.Errorf("a short report: %q", lines)
	}
	for _, line := range lines[1:] {
		if fields := strings.Split(line, ","); len(fields) != 5 || fields[4] == "0" {
			return fmt.Errorf("for slowhttptest the server is out of reach: %s of\n%s", line, text)
		}
	}
	return nil
}

// signIn hands a token over and fetches it, within seconds.
func (s *server) signIn() {
	s.Helper()
	c, key := s.client(), rand.Text()
	defer c.CloseIdleConnections()
	c.Timeout = 10 * time.Second
	request, err := http.NewRequestWithContext(s.Context(), "POST", "https://"+s.address+"/auth/redirect", strings.NewReader("access_token=T&state="+key))
	if err != nil {
		s.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	deposit, err := c.Do(request)
	if err != nil {
		s.Fatalf("who signs in is not served: %v", err)
	}
	deposit.Body.Close()
	claim, err := c.Get("https://" + s.address + "/auth/token?key=" + key)
	if err != nil {
		s.Fatalf("who signs in is not served: %v", err)
	}
	defer claim.Body.Close()
	body, err := io.ReadAll(claim.Body)
	if err != nil || deposit.StatusCode != http.StatusNoContent || claim.StatusCode != http.StatusOK || !strings.Contains(string(body), `"T"`) {
		s.Fatalf("who signs in gets %s, %s: %s %v", deposit.Status, claim.Status, body, err)
	}
}
