package sandbox_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/test/outage"
)

// faultPaths has one address of each class.
var faultPaths = map[outage.Class]string{
	outage.ClassToken: "/sandbox/oauth/access_token/json",
	outage.ClassAPI:   "/sandbox/2.3/me",
}

// serve starts s behind a real socket, which the faults of the body need.
func serve(t *testing.T) (*outage.Sandbox, string) {
	t.Helper()
	s := outage.New()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

// fetch does not follow redirects and does not unpack.
func fetch(t *testing.T, target string) *http.Response {
	t.Helper()
	client := http.Client{
		Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Post(target, "application/x-www-form-urlencoded", strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func TestStatusFaultIsAnHTMLPage(t *testing.T) {
	for class, path := range faultPaths {
		s, origin := serve(t)
		s.SetFault(class, outage.Fault{Kind: outage.Status, Status: http.StatusServiceUnavailable})
		response := fetch(t, origin+path)
		if response.StatusCode != http.StatusServiceUnavailable || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %s, Content-Type %q", class, response.Status, response.Header.Get("Content-Type"))
		}

		s.SetFault(class, outage.Fault{})
		if response := fetch(t, origin+path); strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: the fault lasts after its end", class)
		}
	}
}

func TestFaultsOfOneClassLeaveTheOther(t *testing.T) {
	s := outage.New()
	token := implicitToken(t, s)
	s.SetFault(outage.ClassToken, outage.Fault{Kind: outage.Garbage})
	if status, _ := callAPI(t, s, "/me?site=stackoverflow", bearer(token)); status != http.StatusOK {
		t.Errorf("the API answers %d while the token endpoint fails", status)
	}
}

func TestHangLastsUntilTheClientLeaves(t *testing.T) {
	s := outage.New()
	s.SetFault(outage.ClassToken, outage.Fault{Kind: outage.Hang})
	ctx, leave := context.WithCancel(t.Context())
	answered := make(chan int)
	go func() {
		w := ask(s, "POST", faultPaths[outage.ClassToken], "", func(r *http.Request) { *r = *r.WithContext(ctx) })
		answered <- w.Body.Len()
	}()
	select {
	case <-answered:
		t.Fatal("answered before the client left")
	default:
	}
	leave()
	if length := <-answered; length != 0 {
		t.Errorf("a hanging request was answered with %d bytes", length)
	}
}

func TestGarbageIsNotJSON(t *testing.T) {
	s, origin := serve(t)
	s.SetFault(outage.ClassToken, outage.Fault{Kind: outage.Garbage})
	response := fetch(t, origin+faultPaths[outage.ClassToken])
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK || strings.HasPrefix(strings.TrimSpace(string(body)), "{") {
		t.Errorf("%s: %q", response.Status, body)
	}
}

// A client that bounds what it reads sees only white space; one that doesn't
// has a gigabyte to swallow. Leaving in the middle must end the handler: the
// server's Close waits for it.
func TestBombs(t *testing.T) {
	for _, kind := range []outage.Kind{outage.Huge, outage.GzipBomb} {
		t.Run(string(kind), func(t *testing.T) {
			s, origin := serve(t)
			s.SetFault(outage.ClassAPI, outage.Fault{Kind: kind})
			response := fetch(t, origin+faultPaths[outage.ClassAPI])
			body := io.Reader(response.Body)
			if kind == outage.GzipBomb {
				unpacked, err := gzip.NewReader(body)
				if err != nil {
					t.Fatal(err)
				}
				body = unpacked
			}
			const part = 8 << 20
			seen, err := io.ReadAll(io.LimitReader(body, part))
			if err != nil || len(seen) != part || strings.TrimSpace(string(seen)) != "" {
				t.Errorf("read %d bytes (%v), want %d of white space", len(seen), err, part)
			}
		})
	}
}

func TestRedirectFault(t *testing.T) {
	s, origin := serve(t)
	s.SetFault(outage.ClassToken, outage.Fault{Kind: outage.Redirect, Target: "https://elsewhere.example/"})
	response := fetch(t, origin+faultPaths[outage.ClassToken])
	if got := response.Header.Get("Location"); response.StatusCode != http.StatusFound || got != "https://elsewhere.example/" {
		t.Errorf("%s to %q", response.Status, got)
	}
}

func TestBackoffComesWithGoodAnswers(t *testing.T) {
	s := outage.New()
	token := implicitToken(t, s)
	s.SetFault(outage.ClassAPI, outage.Fault{Kind: outage.Backoff, Seconds: 7})
	status, answer := callAPI(t, s, "/me?site=stackoverflow", bearer(token))
	if status != http.StatusOK || len(answer.Items) != 1 || answer.Backoff != 7 {
		t.Errorf("status %d, %d items, backoff %d; want 200, 1, 7", status, len(answer.Items), answer.Backoff)
	}
	s.SetFault(outage.ClassAPI, outage.Fault{})
	if _, answer := callAPI(t, s, "/me?site=stackoverflow", bearer(token)); answer.Backoff != 0 {
		t.Errorf("backoff %d after the end of the fault", answer.Backoff)
	}
}

// The race detector watches.
func TestFaultsChangeDuringRequests(t *testing.T) {
	s := outage.New()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100 {
			s.SetFault(outage.ClassToken, outage.Fault{Kind: outage.Garbage})
			s.SetFault(outage.ClassToken, outage.Fault{})
		}
	}()
	for range 100 {
		redeem(s, "")
	}
	<-done
}
