package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
	"github.com/desktop-stack-serv/dss/internal/web/text"
	"github.com/desktop-stack-serv/dss/test/outage"
)

// The scripts in testdata/scripts pin the wire contract. Each runs against a
// server of its own, and is made of
//
//	# a comment
//	config name=value …       settings of the server, before the first request
//	> GET /path               a request, sent as it stands; Host and, with a
//	> Name: value             body, Content-Type and Content-Length are added
//	>                         if they are missing
//	> body
//	< 200                     what the answer must be: its status,
//	< Name: value             a header, or with no value its absence,
//	<
//	< body                    and its exact body; or, a line each,
//	< ~ text                  text that is in it
//	< !~ text                 and text that is not
//	< = name pattern          keeps what the pattern's group matches in the
//	                          answer's headers or body; ${name} later on
//	                          stands for it
//	fault token status        what is wrong with the sandbox from here on: a
//	                          class and a kind of package outage; - is nothing
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/scripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := parseScript(t, string(text))
			address, fake := startServer(t, s.settings)
			variables := map[string]string{}
			for _, e := range s.exchanges {
				if e.fault != nil {
					fake.SetFault(outage.Class(e.fault[0]), faults[e.fault[1]])
					continue
				}
				e.run(t, file, address, variables)
			}
		})
	}
}

type script struct {
	settings  map[string]string
	exchanges []exchange
}

// exchange is a request and what is wanted of its answer.
type exchange struct {
	line    int
	request []string
	want    []string
	fault   []string // instead of a request: class and kind
}

// faults are what can be wrong with the sandbox.
var faults = map[string]outage.Fault{
	"-":        {},
	"status":   {Kind: outage.Status, Status: http.StatusInternalServerError},
	"garbage":  {Kind: outage.Garbage},
	"huge":     {Kind: outage.Huge},
	"gzipbomb": {Kind: outage.GzipBomb},
	"redirect": {Kind: outage.Redirect, Target: "http://localhost/sandbox/oauth/access_token/json"},
}

var variable = regexp.MustCompile(`\$\{(\w+)\}`)

// expand puts in what exchanges have kept.
func expand(lines []string, variables map[string]string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = variable.ReplaceAllStringFunc(line, func(name string) string { return variables[name[2:len(name)-1]] })
	}
	return out
}

// keep keeps what the "= name pattern" lines match, and returns the others.
func (e exchange) keep(t *testing.T, header http.Header, body string, variables map[string]string) (want []string) {
	t.Helper()
	var answer strings.Builder
	_ = header.Write(&answer)
	answer.WriteString(body)
	for _, line := range e.want {
		rest, ok := strings.CutPrefix(line, "= ")
		if !ok {
			want = append(want, line)
			continue
		}
		name, pattern, _ := strings.Cut(rest, " ")
		match := regexp.MustCompile(pattern).FindStringSubmatch(answer.String())
		if match == nil {
			t.Fatalf("line %d: nothing matches %q in\n%s", e.line, pattern, answer.String())
		}
		variables[name] = match[1]
	}
	return expand(want, variables)
}

func parseScript(t *testing.T, text string) script {
	t.Helper()
	s := script{settings: map[string]string{}}
	for n, line := range strings.Split(text, "\n") {
		last := len(s.exchanges) - 1
		content, isRequest := cutMark(line, ">")
		wanted, isWanted := cutMark(line, "<")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "fault "):
			s.exchanges = append(s.exchanges, exchange{line: n + 1, fault: strings.Fields(line)[1:], want: []string{""}})
		case isRequest && (last < 0 || len(s.exchanges[last].want) > 0):
			s.exchanges = append(s.exchanges, exchange{line: n + 1, request: []string{content}})
		case isRequest:
			s.exchanges[last].request = append(s.exchanges[last].request, content)
		case isWanted && last >= 0:
			s.exchanges[last].want = append(s.exchanges[last].want, wanted)
		case strings.HasPrefix(line, "config ") && last < 0:
			for _, setting := range strings.Fields(line)[1:] {
				name, value, _ := strings.Cut(setting, "=")
				s.settings[name] = value
			}
		default:
			t.Fatalf("line %d: cannot read %q", n+1, line)
		}
	}
	return s
}

func cutMark(line, mark string) (string, bool) {
	rest, ok := strings.CutPrefix(line, mark)
	return strings.TrimPrefix(rest, " "), ok
}

// startServer serves DSS with a memory store and the sandbox on loopback.
func startServer(t *testing.T, settings map[string]string) (address string, fake *outage.Sandbox) {
	t.Helper()
	limits := store.Limits{}
	config := httpapi.Config{PublicURL: &url.URL{Scheme: "http", Host: "localhost"}, Log: slog.New(slog.DiscardHandler), Version: "test"}
	for name, value := range settings {
		switch name {
		case "public-url":
			u, err := url.Parse(value)
			if err != nil {
				t.Fatal(err)
			}
			config.PublicURL = u
		case "app-hosts":
			config.AppHosts = strings.Split(value, ",")
		case "confirm":
			config.HandOver = value == "sessions"
		case "weak-keys":
			config.WeakKeys = value == "true"
		case "sandbox":
		case "max-entries":
			limits.MaxEntries = atoi(t, value)
		default:
			t.Fatalf("unknown setting %q", name)
		}
	}
	fake = outage.New()
	if settings["sandbox"] == "true" {
		config.Sandbox = fake
	}
	base := config.PublicURL.JoinPath("sandbox")
	config.StackExchange = stackexchange.Config{BaseURL: base, APIURL: base.JoinPath("2.3"), Transport: fake, Local: true}
	return listen(t, memory.New(limits), config), fake
}

func atoi(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func listen(t *testing.T, store sealed.Store, config httpapi.Config) (address string) {
	t.Helper()
	server, err := httpapi.New(sealed.NewVault(store), config)
	if err != nil {
		t.Fatal(err)
	}
	ts := httptest.NewServer(server.Handler())
	t.Cleanup(ts.Close)
	return ts.Listener.Addr().String()
}

func (e exchange) run(t *testing.T, file, address string, variables map[string]string) {
	t.Helper()
	e.request = expand(e.request, variables)
	status, header, body := e.send(t, address)
	fail := func(format string, arguments ...any) {
		t.Helper()
		t.Errorf("%s:%d: %s: %s", file, e.line, e.request[0], fmt.Sprintf(format, arguments...))
	}
	if want := e.want[0]; strconv.Itoa(status) != want {
		fail("status %d, want %s, body %s", status, want, body)
		return
	}
	rest := e.keep(t, header, body, variables)[1:]
	for len(rest) > 0 && rest[0] != "" {
		name, value, _ := strings.Cut(rest[0], ":")
		if got, want := strings.Join(header.Values(name), ", "), strings.TrimSpace(value); got != want {
			fail("%s is %q, want %q", name, got, want)
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		checkBody(text.WithoutBreaks(body), rest[1:], fail)
	}
}

func checkBody(body string, want []string, fail func(string, ...any)) {
	var exact []string
	for _, line := range want {
		if text, ok := strings.CutPrefix(line, "~ "); ok {
			if !strings.Contains(body, text) {
				fail("the body has no %q:\n%s", text, body)
			}
		} else if text, ok := strings.CutPrefix(line, "!~ "); ok {
			if strings.Contains(body, text) {
				fail("the body has %q:\n%s", text, body)
			}
		} else {
			exact = append(exact, line)
		}
	}
	if len(exact) == 0 && len(want) > 0 {
		return
	}
	if got, want := strings.TrimSuffix(body, "\n"), strings.Join(exact, "\n"); got != want {
		fail("body\n%s\nwant\n%s", got, want)
	}
}

// send writes the request byte by byte as the script has it.
func (e exchange) send(t *testing.T, address string) (int, http.Header, string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(e.request[0], " ")
	if _, err := io.WriteString(conn, e.raw()); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("line %d: %v", e.line, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("line %d: %v", e.line, err)
	}
	return response.StatusCode, response.Header, string(body)
}

func (e exchange) raw() string {
	head, body, hasBody := e.request, "", false
	for i, line := range e.request {
		if line == "" {
			head, body, hasBody = e.request[:i], strings.Join(e.request[i+1:], "\n"), true
			break
		}
	}
	first := head[0]
	if !strings.HasSuffix(first, " HTTP/1.1") {
		first += " HTTP/1.1"
	}
	lines := append([]string{first}, head[1:]...)
	add := func(name, value string) {
		for _, line := range head[1:] {
			if strings.HasPrefix(strings.ToLower(line), strings.ToLower(name)+":") {
				return
			}
		}
		lines = append(lines, name+": "+value)
	}
	add("Host", "localhost")
	add("Connection", "close")
	if hasBody {
		add("Content-Type", "application/x-www-form-urlencoded")
		add("Content-Length", strconv.Itoa(len(body)))
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}
