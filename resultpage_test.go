package dss_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/api"
)

// showing is a server that has the pages about results, of which page answers.
func showing(page reply) *http.Client {
	return &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		switch {
		case r.URL.Path == api.PathMetadata:
			metadata, err := json.Marshal(api.Metadata{Issuer: issuer, ResultPagesSupported: []string{"done", "denied", "failed"}})
			return must(says(http.StatusOK, string(metadata))(r))(err)
		case r.Method == http.MethodHead:
			return page(r)
		}
		return granted(r)
	})}
}

func must(response *http.Response, err error) func(error) (*http.Response, error) {
	return func(other error) (*http.Response, error) { return response, errors.Join(err, other) }
}

var results = map[string][]string{
	"/done":   nil,
	"/denied": {"code", "", "error", "access_denied"},
	"/failed": {"code", "", "error", "server_error", "error_description", "SECRET"},
}

// TestResultAtTheServer: the browser goes on to the server's page, with nothing of
// the response.
func TestResultAtTheServer(t *testing.T) {
	for path, changes := range results {
		var a app
		a.start(t, nil, showing(says(http.StatusOK, "")))
		response, body := a.visit(t, http.MethodGet, "/", a.response(changes...))
		h := response.Header
		if response.StatusCode != http.StatusSeeOther || h.Get("Location") != issuer+path || body != "" ||
			h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s %v %s", path, response.Status, h, body)
		}
	}
}

// TestResultWithoutTheServer: the same words come from here, in the language of the
// browser, and nothing of the response.
func TestResultWithoutTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, server := range map[string]*http.Client{
			"it is away":        showing(fails(errors.New("refused"))),
			"it is busy":        showing(says(http.StatusServiceUnavailable, "")),
			"it has none":       showing(says(http.StatusNotFound, "")),
			"it does not say":   from(granted),
			"it does not hurry": showing(hangs),
		} {
			for path, changes := range results {
				a := app{header: http.Header{"Accept-Language": {"xx, en;q=0.5"}}}
				a.start(t, newPipes(), server)
				asked := time.Now()
				response, body := a.visit(t, http.MethodGet, "/", a.response(changes...))
				if response.StatusCode != http.StatusOK || !strings.HasPrefix(body, `<!doctype html><html lang="en" dir="ltr">`) ||
					response.Header.Get("Content-Language") != "en" || strings.Contains(body, "SECRET") {
					t.Errorf("%s, %s: %s %s", name, path, response.Status, body)
				}
				checkPageHeaders(t, response.Header)
				if took := time.Since(asked); took > time.Second {
					t.Errorf("%s, %s: the page took %v", name, path, took)
				}
				if err := a.signIn.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// TestResultWaitsForNobody: the app redeems the code while the server is asked for
// the page.
func TestResultWaitsForNobody(t *testing.T) {
	redeemed := make(chan struct{})
	server := showing(func(r *http.Request) (*http.Response, error) {
		select {
		case <-redeemed:
			return says(http.StatusOK, "")(r)
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	})
	next := server.Transport
	server.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == api.PathOAuthToken {
			close(redeemed)
		}
		return next.RoundTrip(r)
	})
	var a app
	a.start(t, nil, server)
	status := make(chan int, 1)
	go func() {
		response, _ := a.visit(t, http.MethodGet, "/", a.response())
		status <- response.StatusCode
	}()
	if _, err := a.signIn.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	if got := <-status; got != http.StatusSeeOther {
		t.Errorf("the browser got %d", got)
	}
}
