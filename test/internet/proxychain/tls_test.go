//go:build integration

package proxychain_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/test/program"
	"github.com/desktop-stack-serv/dss/test/selfsigned"
)

// TestProxyProtocolUnderTLS: the header comes before the handshake, over HTTPS
// and on the port that leads there.
func TestProxyProtocolUnderTLS(t *testing.T) {
	certFile, keyFile, trust := selfsigned.Files(t, t.TempDir(), "localhost")
	plain := program.FreeAddress(t)
	dss := start(t, limits("127.0.0.1,proxy-protocol", "--tls-cert", certFile, "--tls-key", keyFile, "--listen", "127.0.0.1:0,"+plain)...)
	name := strings.Replace(dss, "127.0.0.1", "localhost", 1)
	secure, redirecting := startHAProxy(t, dss), startNginx(t, plain).stream
	for _, from := range []string{"127.0.0.2", "127.0.0.3"} {
		c := newClient(t, from)
		transport := c.http.Transport.(*http.Transport)
		transport.TLSClientConfig = &tls.Config{RootCAs: trust, ServerName: "localhost"}
		served := map[int]int{}
		for range 2 * perClient {
			served[c.get(t, "https://"+secure, name)]++
		}
		if served[http.StatusOK] != perClient || served[http.StatusTooManyRequests] != perClient {
			t.Errorf("from %s: %v", from, served)
		}
		if status := c.get(t, "http://"+redirecting, name); status != http.StatusTooManyRequests {
			t.Errorf("from %s, the plain port answers %d", from, status)
		}
	}
	if status := newClient(t, "127.0.0.4").get(t, "http://"+redirecting, name); status != http.StatusPermanentRedirect {
		t.Errorf("the plain port answers %d", status)
	}
}

// get returns the status of the home page under the server's own name.
func (c client) get(t *testing.T, url, host string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	response, err := c.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}
