package sandbox

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

// proxyHeaders are set by proxies, behind which any client may be.
var proxyHeaders = []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via"}

// fromLoopback reports whether the client is on this machine. The peer of a Unix
// socket, which has no address, is most likely a proxy.
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
	return err == nil && origin.IsLoopback(addr.Unmap().String())
}

const onlyLoopback = "this sandbox serves only the machine it runs on, unless its operator makes it serve others too"

// refuseRemote refuses a client elsewhere, in the form of the endpoint.
func (s *Sandbox) refuseRemote(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, s.APIPath()):
		writeAPI(w, http.StatusForbidden, apiError{403, "access_denied", onlyLoopback})
	case strings.HasPrefix(r.URL.Path, "/sandbox/oauth/access_token"):
		writeTokenError(w, http.StatusForbidden, errTokenRemote, nil)
	default:
		writeProblem(w, problem{http.StatusForbidden, "Not from here", onlyLoopback})
	}
}
