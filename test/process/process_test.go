//go:build integration

// Package process_test runs the real binary: it is killed, shut down, and
// searched for secrets.
package process_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/desktop-stack-serv/dss/test/program"
)

// binary detects races; fastBinary does not, and is for what takes many
// requests.
var binary, fastBinary string

func TestMain(m *testing.M) {
	program.Main(m.Run, program.Raced(&binary), program.Plain(&fastBinary))
}

// TestKill kills the server 200 times at random moments, while deposits and
// claims are under way: what was acknowledged is there after the restart, and
// nothing comes out twice. Every tenth server detects races.
func TestKill(t *testing.T) {
	t.Parallel()
	store := "sqlite:" + filepath.Join(t.TempDir(), "dss.db")
	var out sync.Map // how often each key's token came out: key -> *atomic.Int64
	var waiting []string
	for round := range 200 {
		served := fastBinary
		if round%10 == 0 {
			served = binary
		}
		p := startBinary(t, served, "127.0.0.1:0", "--store", store)
		for _, key := range waiting {
			if status, body := p.claim(key); status != http.StatusOK || !strings.Contains(body, "token-of-"+key) {
				t.Fatalf("round %d: an acknowledged deposit is lost: %d %s", round, status, body)
			}
			count(&out, key)
		}
		waiting = p.workUntilKilled(&out)
		if t.Failed() {
			return
		}
	}
	p := start(t, "--store", store, "--limits", "off") // it is asked for more keys at once than anybody else asks for
	out.Range(func(key, times any) bool {
		if n := times.(*atomic.Int64).Load(); n > 1 {
			t.Errorf("a token came out %d times", n)
		}
		if status, _ := p.claim(key.(string)); status != http.StatusNotFound {
			t.Errorf("a claimed token is there again: %d", status)
		}
		return true
	})
	p.terminate()
}

func count(out *sync.Map, key string) {
	n, _ := out.LoadOrStore(key, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
}

// workUntilKilled deposits and claims until the server is killed after a
// random number of answers, and returns the keys whose deposit was
// acknowledged and that nobody has tried to claim.
func (p *process) workUntilKilled(out *sync.Map) (waiting []string) {
	var mu sync.Mutex
	var answers atomic.Int64
	limit := int64(1 + randomByte()%60)
	var once sync.Once
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := 0; ; i++ {
				key := rand.Text()
				if !p.deposit(key, "token-of-"+key) {
					return
				}
				if (worker+i)%2 == 0 {
					mu.Lock()
					waiting = append(waiting, key)
					mu.Unlock()
				} else if status, _ := p.claim(key); status == http.StatusOK {
					count(out, key)
				} else if status == http.StatusNotFound {
					p.t.Error("an acknowledged deposit is not there")
				}
				if answers.Add(1) >= limit {
					once.Do(p.Kill)
					return
				}
			}
		})
	}
	group.Wait()
	return waiting
}

func randomByte() int {
	b := make([]byte, 1)
	rand.Read(b)
	return int(b[0])
}

// TestTerminate shuts down a server on which 100 apps wait.
func TestTerminate(t *testing.T) {
	p := start(t, "--store", "memory:")
	var asked, group sync.WaitGroup
	answers := make(chan string, 100)
	p.client.Transport = &http.Transport{DisableKeepAlives: true}
	for range 100 {
		asked.Add(1)
		group.Go(func() {
			asked.Done()
			status, header, body, err := p.do("GET", "/auth/token?wait=60&key="+rand.Text(), nil)
			answers <- fmt.Sprint(status, " ", header.Get("Retry-After") != "", " ", strings.Contains(body, "temporarily_unavailable"), " ", err)
		})
	}
	asked.Wait()
	p.terminate()
	group.Wait()
	close(answers)
	served := 0
	for got := range answers {
		if got == "503 true true <nil>" {
			served++
		} else if !strings.Contains(got, "refused") && !strings.Contains(got, "reset") && !strings.Contains(got, "EOF") {
			t.Errorf("a waiter got %s", got)
		}
	}
	if served == 0 {
		t.Error("no waiter was answered")
	}
}

const canary = "CANARY0123456789"

// TestCanaries plants secrets everywhere and looks for them in log and audit,
// in metrics and profiles, and in every byte of the database, at rest and after
// everything is gone.
func TestCanaries(t *testing.T) {
	folder := t.TempDir()
	p := startObserved(t, "--store", "sqlite:"+filepath.Join(folder, "dss.db"), "--ttl", "1s", "--sandbox")
	for i := range 20 {
		text := fmt.Sprintf("%s-%d-%s", canary, i, rand.Text())
		if !p.deposit(text, text+"-token") {
			t.Fatal("deposit failed")
		}
		if i%2 == 0 {
			p.claim(text)
		}
		for _, request := range []struct {
			method, path string
			form         url.Values
		}{
			{"GET", "/auth/redirect?state=" + text + "&code=" + text, nil},
			{"GET", "/auth/redirect?code=" + text, nil},
			{"GET", "/oauth/callback?state=" + text + "&code=" + text, nil},
			{"GET", "/auth/token?key=" + text + "&key=" + text, nil},
			{"GET", "/" + text + "?" + text, nil},
			{"POST", "/auth/token", url.Values{"key": {text}, "verifier": {text}}},
			{"POST", "/auth/redirect?code=" + text, url.Values{"state": {text}, "access_token": {text + "\x00"}}},
			{"POST", "/auth/redirect", url.Values{"state": {text}, "error": {text}, "error_description": {text}}},
			{"GET", "/sandbox/2.3/access-tokens/" + text, nil},
			{"POST", "/oauth/revoke", url.Values{"token": {text}}},
			{"POST", "/oauth/token", url.Values{"grant_type": {text}, "client_id": {text}, "code": {text}}},
			{text, "/auth/token", nil},
		} {
			if _, _, _, err := p.do(request.method, request.path, request.form); err != nil {
				t.Fatal(err)
			}
		}
		p.search(folder, canary)
	}
	answered := p.waiting(canary + rand.Text())
	p.searchTold(told, canary)
	// The last of them expires; the store is searched again after a sweep has
	// run, which shows by the room it makes in the file.
	p.terminate()
	answered()
	again := start(t, "--store", "sqlite:"+filepath.Join(folder, "dss.db"))
	again.terminate()
	p.search(folder, canary)
	for _, log := range []string{p.Stderr.String(), again.Stderr.String()} {
		if strings.Contains(log, canary) {
			t.Errorf("a canary is in the log:\n%s", log)
		}
	}
	for _, want := range []string{"msg=request", "msg=audit event=deposit", "msg=audit event=claim", "subject="} {
		if !strings.Contains(p.Stderr.String(), want) {
			t.Errorf("no %s in the log", want)
		}
	}
}

// search looks for canary in every file of folder.
func (p *process) search(folder, canary string) {
	p.t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil || len(files) == 0 {
		p.t.Fatalf("no database: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err != nil {
			p.t.Fatal(err)
		}
		if bytes.Contains(content, []byte(canary)) {
			p.t.Fatalf("a canary is in %s", file.Name())
		}
	}
}

// TestSlowSockets: 500 connections that send nothing keep nobody out.
func TestSlowSockets(t *testing.T) {
	p := start(t, "--store", "memory:")
	address := strings.TrimPrefix(p.url, "http://")
	for range 500 {
		conn, err := dial(address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /auth/token?key="); err != nil {
			t.Fatal(err)
		}
	}
	key := rand.Text()
	if !p.deposit(key, "T") {
		t.Error("no deposit got through")
	}
	if status, _ := p.claim(key); status != http.StatusOK {
		t.Errorf("claim answers %d", status)
	}
	p.Kill()
}

// TestHeaders: 17 KB of headers and a 100 KB query are refused.
func TestHeaders(t *testing.T) {
	p := start(t, "--store", "memory:")
	for what, raw := range map[string]string{
		"headers":    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Filler: " + strings.Repeat("x", 17<<10) + "\r\n\r\n",
		"query":      "GET /auth/token?key=" + strings.Repeat("x", 100<<10) + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"TE and CL":  "POST /auth/token HTTP/1.1\r\nHost: " + strings.TrimPrefix(p.url, "http://") + "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"two Hosts":  "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
		"no Host":    "GET /healthz HTTP/1.1\r\n\r\n",
		"asterisk":   "OPTIONS * HTTP/1.1\r\nHost: " + strings.TrimPrefix(p.url, "http://") + "\r\n\r\n",
		"nonsense":   "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 HTTP/1.1\r\n\r\n",
		"HTTP/2":     "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"other Host": "GET /auth/token HTTP/1.1\r\nHost: evil.example\r\n\r\n",
	} {
		conn, err := dial(strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		go io.WriteString(conn, raw) // may be cut short, which is fine
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err == nil && !regexp.MustCompile(`^HTTP/1\.[01] (4\d\d|505) `).MatchString(line) {
			t.Errorf("%s: %s", what, line)
		}
		conn.Close()
	}
	if status, _, _, err := p.do("GET", "/healthz", nil); status != http.StatusOK || err != nil {
		t.Errorf("afterwards: %d %v", status, err)
	}
	p.terminate()
}
