//go:build integration

// Package clients_test runs OAuth clients that others wrote, unchanged, against
// the real binary and its sandbox.
package clients_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/scripted"
	"github.com/desktop-stack-serv/dss/test/program"
)

const (
	clientID = "7"
	// limit is longer than any sign-in here takes, even if they all start at once.
	limit = 5 * time.Minute
)

var (
	binary string
	server string // where the binary listens
)

func TestMain(m *testing.M) {
	if text := os.Getenv(namespaced); text != "" {
		if err := runNamespaced(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	program.Main(func() int { return serve(m) }, program.Raced(&binary))
}

// routine is what the log of a server without problems consists of.
var routine = regexp.MustCompile(`(?m)^.* level=INFO .*\n`)

// serve runs the tests while the server does.
func serve(m *testing.M) int {
	dss, err := program.Serve(exec.Command(binary, "serve", "--sandbox", "--listen", "127.0.0.1:0", "--store", "memory:"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer dss.Kill()
	server = dss.URL
	status := runWide(m)
	if err := dss.Terminate(); err != nil || status != 0 {
		fmt.Fprintf(os.Stderr, "the server ended with %v:\n%s", err, routine.ReplaceAllString(dss.Stderr.String(), ""))
		status = 1
	}
	return status
}

// runWide runs more tests at a time than there are processors: nearly all the
// time, the clients wait for their next poll.
func runWide(m *testing.M) int {
	if err := flag.Set("test.parallel", "64"); err != nil {
		panic(err)
	}
	return m.Run()
}

// bounded returns a context that ends with the test or after limit.
func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// visit has the user decide in a browser of their own, and returns the page
// where that ends.
func visit(t *testing.T, user scripted.User, address string) scripted.Page {
	t.Helper()
	page, err := scripted.New().Visit(address, user)
	if err != nil || page.Status != http.StatusOK {
		t.Fatalf("the browser ends at %v with status %d: %v\n%s", page.URL, page.Status, err, page.Body)
	}
	return page
}

// The forms of redirect URIs that apps are known to use.
const (
	bare          = "http://127.0.0.1:%s"
	withPath      = "http://127.0.0.1:%s/callback"
	localhost     = "http://localhost:%s"
	localhostRoot = "http://localhost:%s/"
)

// listen starts an app's loopback listener and returns its redirect URI. Its
// answer is the query that it gets.
func listen(t *testing.T, form string) string {
	t.Helper()
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, r.URL.RawQuery)
	}))
	t.Cleanup(listener.Close)
	_, port, _ := strings.Cut(listener.Listener.Addr().String(), ":")
	return fmt.Sprintf(form, port)
}

// received returns what a listener got: the authorization response.
func received(t *testing.T, redirectURI string, page scripted.Page) url.Values {
	t.Helper()
	if !strings.HasPrefix(page.URL.String(), redirectURI) {
		t.Fatalf("the browser ends at %v instead of %s:\n%s", page.URL, redirectURI, page.Body)
	}
	response, err := url.ParseQuery(page.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// checkAPI calls the sandbox's API with a token.
func checkAPI(t *testing.T, ctx context.Context, token string, want int) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/sandbox/2.3/me?site=stackoverflow", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if token == "" || response.StatusCode != want {
		t.Errorf("the API answers %d to the token %q, want %d", response.StatusCode, token, want)
	}
}

// pendingPolls is a transport on which the user decides once the client has
// sent so many requests. Until then it must not be told to slow down. It is not
// safe for concurrent use.
type pendingPolls struct {
	t    *testing.T
	left int
	then func()
}

func (p *pendingPolls) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || p.left == 0 {
		return response, err
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	if !bytes.Contains(body, []byte("authorization_pending")) {
		p.t.Errorf("before the user decides, a poll gets %d %s", response.StatusCode, body)
	}
	if p.left--; p.left == 0 {
		p.then()
	}
	return response, err
}
