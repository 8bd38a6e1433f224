package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/doctor"
	"github.com/desktop-stack-serv/dss/internal/registration"
	"github.com/desktop-stack-serv/dss/internal/scripted"
)

// sandboxServer starts dss serve --sandbox in this process, and returns its URL.
func sandboxServer(t *testing.T) string {
	t.Helper()
	out, stdout := io.Pipe()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "--sandbox", "--store", "memory:", "--listen", "127.0.0.1:0"}, cli.Process{
			Env: func(string) string { return "" }, Environ: func() []string { return nil },
			Stdin: strings.NewReader(""), Stdout: stdout, Stderr: io.Discard,
		})
		stdout.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	t.Cleanup(func() {
		stop()
		if status := <-ended; status != 0 {
			t.Errorf("the server ends with status %d", status)
		}
	})
	address := regexp.MustCompile(`http://\S+`).FindString(line)
	if err != nil || address == "" {
		t.Fatalf("no address in %q: %v", line, err)
	}
	return address
}

// seen collects what is printed, and closes address when it has the line with the URL.
type seen struct {
	mu      sync.Mutex
	text    bytes.Buffer
	once    sync.Once
	address chan string
}

func (s *seen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	if line := addressLine.FindString(s.text.String()); line != "" {
		s.once.Do(func() { s.address <- strings.TrimSpace(line) })
	}
	return len(p), nil
}

// diagnose runs dss doctor, without a terminal, while user does what they are asked.
func diagnose(t *testing.T, user scripted.User, args ...string) (status int, report struct {
	Status   doctor.Status
	Findings []doctor.Finding
}, last scripted.Page) {
	t.Helper()
	var stdout bytes.Buffer
	stderr := &seen{address: make(chan string, 1)}
	ended := make(chan int, 1)
	go func() {
		ended <- run(t.Context(), append([]string{"doctor", "--output", "json", "--no-browser"}, args...), cli.Process{
			Env: func(string) string { return "" }, Environ: func() []string { return nil },
			Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: stderr,
		})
	}()
	var err error
	select {
	case address := <-stderr.address:
		if last, err = scripted.New().Visit(address, user); err != nil {
			t.Error(err)
		}
		status = <-ended
	case status = <-ended:
	}
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatalf("status %d: %v\n%s%s", status, err, stdout.String(), stderr.text.String())
	}
	if token := regexp.MustCompile(`[A-Za-z0-9(*]{22}\)\)`).FindString(stdout.String() + stderr.text.String()); token != "" {
		t.Errorf("it shows a token or a code: %s", token)
	}
	return status, report, last
}

// TestDoctor has each app of the sandbox's list: right, or wrong in one way.
func TestDoctor(t *testing.T) {
	server := sandboxServer(t)
	kept := []registration.Cause{
		registration.Domain, registration.PKCE, registration.Application, registration.Login, registration.Unreachable,
	}
	right := []registration.Cause{registration.Right}
	for id, want := range map[string]struct {
		status int
		causes []registration.Cause
	}{
		"901": {0, right},
		"902": {1, []registration.Cause{registration.Secret}},
		"903": {4, kept},
		"904": {0, right}, // no flow of DSS needs Implicit
		"905": {4, kept},
		"906": {4, kept},
		"907": {4, kept},
		"908": {4, kept},
		"909": {0, right},
		"910": {0, []registration.Cause{registration.Right, registration.PostUntested}},
		"911": {0, right},
		"912": {4, kept},
		"7":   {0, right},
	} {
		flows := []string{"loopback"}
		if slices.Contains([]string{"902", "906", "910"}, id) { // a device polls every 5 s
			flows = append(flows, "device")
		}
		for _, flow := range flows {
			t.Run(id+" "+flow, func(t *testing.T) {
				t.Parallel()
				args := []string{"--server", server, "--client-id", id, "--flow", flow}
				if want.status == 4 {
					args = append(args, "--timeout", "1s") // nothing else will come
				}
				if id == "910" {
					args = append(args, "--scope", "write_access,no_expiry")
				}
				status, report, last := diagnose(t, scripted.Approves, args...)
				var causes []registration.Cause
				for _, f := range report.Findings {
					if f.Cause != "" {
						causes = append(causes, f.Cause)
					}
				}
				if status != want.status || !slices.Equal(causes, want.causes) {
					t.Errorf("status %d, causes %v: %+v", status, causes, report)
				}
				if failed := strings.Contains(last.Body, "Application Login Failure"); failed != (want.status == 4) {
					t.Errorf("the browser shows %s", last.URL)
				}
			})
		}
	}
}

func TestDoctorIsDenied(t *testing.T) {
	server := sandboxServer(t)
	for _, flow := range []string{"loopback", "device"} {
		status, report, _ := diagnose(t, scripted.Denies, "--server", server, "--client-id", "901", "--flow", flow)
		if last := report.Findings[len(report.Findings)-1]; status != 3 || last.Cause != registration.Denied {
			t.Errorf("%s: status %d, %+v", flow, status, report)
		}
	}
}

// TestDoctorEndsTheToken watches the API, through which the token goes: it is not
// valid afterwards, and shown nowhere.
func TestDoctorEndsTheToken(t *testing.T) {
	server := sandboxServer(t)
	target, err := url.Parse(server + "/sandbox")
	if err != nil {
		t.Fatal(err)
	}
	tokens := make(chan string, 10) // more than the calls
	forward := httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" && r.URL.RawQuery != "site=stackoverflow" {
			t.Errorf("the query is %q", r.URL.RawQuery)
		}
		tokens <- strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		forward.ServeHTTP(w, r)
	}))
	defer api.Close()
	status, report, _ := diagnose(t, scripted.Approves, "--server", server, "--client-id", "901",
		"--stackexchange-api-url", api.URL+"/2.3")
	if status != 0 || len(tokens) != 3 {
		t.Fatalf("status %d, %d calls: %+v", status, len(tokens), report)
	}
	for range 3 {
		token := <-tokens
		if whoami, _, _ := runWith(t, map[string]string{"DSS_TOKEN": token}, "whoami", "--server", server); whoami != 3 {
			t.Errorf("the token is valid: status %d", whoami)
		}
		if text := fmt.Sprint(report); token == "" || strings.Contains(text, token) {
			t.Errorf("the report has the token %q: %s", token, text)
		}
	}
}

// TestDoctorAtAnotherAPI: one that does not know the token has not ended it.
func TestDoctorAtAnotherAPI(t *testing.T) {
	server, other := sandboxServer(t), sandboxServer(t)
	status, report, _ := diagnose(t, scripted.Approves, "--server", server, "--client-id", "901",
		"--stackexchange-api-url", other+"/sandbox/2.3")
	i := slices.IndexFunc(report.Findings, func(f doctor.Finding) bool { return f.Check == doctor.SignIn })
	if status != 1 || !strings.Contains(report.Findings[i].Change, "Set --stackexchange-api-url") {
		t.Errorf("status %d: %+v", status, report)
	}
}
