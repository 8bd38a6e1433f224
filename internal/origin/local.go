package origin

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
)

// KeepLocal makes a transport reach loopback names on this machine, whatever
// name servers and proxies say of them: what is sent there in plain text must
// not leave it. The transport's own Proxy and DialContext serve all others.
func KeepLocal(t *http.Transport) {
	proxy, dial := t.Proxy, t.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	if proxy != nil {
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			if IsLoopback(r.URL.Hostname()) {
				return nil, nil
			}
			return proxy(r)
		}
	}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		name, port, err := net.SplitHostPort(address)
		if err != nil || !IsLoopback(name) || net.ParseIP(name) != nil {
			return dial(ctx, network, address)
		}
		connection, err := dial(ctx, network, net.JoinHostPort("127.0.0.1", port))
		if err == nil {
			return connection, nil
		}
		connection, err6 := dial(ctx, network, net.JoinHostPort("::1", port))
		if err6 != nil {
			return nil, errors.Join(err, err6)
		}
		return connection, nil
	}
}
