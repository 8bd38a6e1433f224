package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/cli"
)

// TestInterrupted: an interrupt while the code is redeemed does not leave a token
// behind.
func TestInterrupted(t *testing.T) {
	for _, command := range []string{"doctor", "login"} {
		t.Run(command, func(t *testing.T) { interrupt(t, command) })
	}
}

func interrupt(t *testing.T, command string) {
	const token = "canaryTOKEN0123456789a))"
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan string, 10) // more than the calls
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	mux.HandleFunc("GET "+api.PathMetadata, func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(api.Metadata{
			Issuer: server.URL, AuthorizationEndpoint: server.URL + api.PathAuthorize,
			TokenEndpoint: server.URL + api.PathOAuthToken, RevocationEndpoint: server.URL + api.PathRevoke,
			DeviceAuthorizationEndpoint: server.URL + api.PathDeviceAuthorization,
		})
	})
	mux.HandleFunc("POST "+api.PathOAuthToken, func(w http.ResponseWriter, _ *http.Request) {
		interrupt()
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":86400}`, token)
	})
	mux.HandleFunc("GET /2.3/", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/invalidate") {
			ended <- r.URL.Path
		}
		fmt.Fprintf(w, `{"items":[{"access_token":%q,"account_id":7}]}`, token)
	})

	var stdout bytes.Buffer
	stderr := &seen{address: make(chan string, 1)}
	go func() {
		if err := returnFrom(<-stderr.address); err != nil {
			t.Error(err)
		}
	}()
	status := run(ctx, []string{
		command, "--server", server.URL, "--client-id", "7", "--flow", "loopback", "--no-browser", "--stackexchange-api-url", server.URL + "/2.3",
	}, cli.Process{
		Env: func(string) string { return "" }, Environ: func() []string { return nil },
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: stderr,
	})
	if status != 130 || strings.Contains(stdout.String(), token) {
		t.Errorf("status %d\n%s", status, stdout.String())
	}
	select {
	case path := <-ended:
		if !strings.Contains(path, token) {
			t.Errorf("it ends %s", path)
		}
	default:
		t.Error("the token lives on")
	}
}

// returnFrom brings the browser back from the address of a sign-in, with a code.
func returnFrom(address string) error {
	asked, err := url.Parse(address)
	if err != nil {
		return err
	}
	query := asked.Query()
	answer := url.Values{"code": {"c0de"}, "state": query["state"], "iss": {"http://" + asked.Host}}
	response, err := http.Get(query.Get("redirect_uri") + "?" + answer.Encode())
	if err != nil {
		return err
	}
	return response.Body.Close()
}
