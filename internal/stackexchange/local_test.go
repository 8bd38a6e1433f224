package stackexchange_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// TestNamesBelowLocalhost are dialled on this machine, whatever name servers
// say of them.
func TestNamesBelowLocalhost(t *testing.T) {
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"access_token":"T"}`)
	}))
	defer fake.Close()
	_, port, _ := net.SplitHostPort(fake.Listener.Addr().String())
	for _, name := range []string{"localhost", "se.localhost", "a.b.localhost"} {
		client := stackexchange.New(stackexchange.Config{BaseURL: &url.URL{Scheme: "http", Host: net.JoinHostPort(name, port)}})
		token, err := client.Redeem(t.Context(), stackexchange.Redemption{ClientID: "1", Code: secret.New("C")})
		if err != nil || token.AccessToken.Reveal() != "T" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
