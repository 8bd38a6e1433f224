package sandbox

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// proxyHeaders are set by proxies, behind which anybody may be.
var proxyHeaders = []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via"}

// fromLoopback reports whether the client is on this machine. What is not an
// address and a port is the peer of a socket file, most likely a proxy, except
// for this process itself.
func fromLoopback(r *http.Request) bool {
	for _, name := range proxyHeaders {
		if len(r.Header.Values(name)) > 0 {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr == inProcess
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

const onlyLoopback = "this sandbox serves only the machine it runs on, unless its operator makes it serve others too"

// refuseRemote says so in the language of the endpoint.
func refuseRemote(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/sandbox/2.3"):
		writeAPI(w, http.StatusForbidden, apiError{403, "access_denied", onlyLoopback})
	case strings.HasPrefix(r.URL.Path, "/sandbox/oauth/access_token"):
		writeTokenError(w, tokenError{http.StatusForbidden, "access_denied", onlyLoopback})
	default:
		writeProblem(w, problem{http.StatusForbidden, "Not from here", onlyLoopback})
	}
}
