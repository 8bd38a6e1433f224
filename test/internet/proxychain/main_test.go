//go:build integration

// Package proxychain_test runs the real binary behind a real nginx, and floods
// it from one of several addresses of this machine.
package proxychain_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/program"
)

var binary string

func TestMain(m *testing.M) { program.Main(m.Run, program.Raced(&binary)) }

// start runs a server and returns its address. It ends with the test, as a
// service manager ends it.
func start(t *testing.T, args ...string) (address string) {
	t.Helper()
	server := program.Start(t, binary, append([]string{"--listen", "127.0.0.1:0", "--store", "memory:"}, args...)...)
	t.Cleanup(func() {
		if err := server.Terminate(); err != nil {
			t.Error(err)
		}
	})
	_, port, _ := strings.Cut(server.URL, "://localhost:")
	return "127.0.0.1:" + port
}

// client sends requests from an address of this machine.
type client struct {
	http *http.Client
	from string
}

func newClient(t *testing.T, from string) client {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: time.Minute}
	transport := &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return client{&http.Client{Transport: transport, Timeout: 90 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}, from}
}

// do asks the server at address for path, and returns the answer; the status
// is 0 if there is none. A body makes it a POST from the server's own page.
func (c client) do(ctx context.Context, address, path, body string) (status int, answer string) {
	method := "GET"
	if body != "" {
		method = "POST"
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	request.Host = strings.Replace(address, "127.0.0.1", "localhost", 1) // as the public URL has it
	if body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	if response.StatusCode == http.StatusTooManyRequests && response.Header.Get("Retry-After") == "" {
		return 0, "429 without Retry-After"
	}
	return response.StatusCode, string(text)
}
