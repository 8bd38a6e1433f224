package fetch_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/fetch"
)

func TestKeepLocal(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	var proxied atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Add(1) }))
	defer proxy.Close()
	through, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	dialer := net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		t.Error("a name server was asked")
		return nil, net.ErrClosed
	}}}
	transport := &http.Transport{Proxy: http.ProxyURL(through), DialContext: dialer.DialContext}
	client := &http.Client{Transport: fetch.New(&http.Client{Transport: transport}).Transport()}
	defer client.CloseIdleConnections()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for _, test := range []struct {
		host    string
		proxied int32
	}{
		{"localhost", 0}, {"api.localhost", 0}, {"API.LOCALHOST.", 0}, {"127.0.0.1", 0}, {"api.localhost.example", 1},
	} {
		proxied.Store(0)
		answer, err := client.Get("http://" + test.host + ":" + port)
		if err != nil {
			t.Errorf("%s: %v", test.host, err)
			continue
		}
		answer.Body.Close()
		if got := proxied.Load(); got != test.proxied {
			t.Errorf("%s: the proxy got %d requests, want %d", test.host, got, test.proxied)
		}
	}
}
