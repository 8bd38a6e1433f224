package httpapi

import (
	"net/url"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

// hosts is the allow-list of Host headers, in canonical form.
type hosts struct {
	names   []string // of the server itself
	domains []string // ".host" below which app hosts live
	apps    []string // allowed app hosts; nil allows none
	anyApp  bool
}

// newHosts allows the public URL's host, every loopback name if that is one,
// and an app host for each id in appHosts; "all" stands for any id.
func newHosts(public *url.URL, appHosts []string) hosts {
	h := hosts{apps: appHosts, anyApp: slices.Contains(appHosts, "all")}
	names := []string{public.Hostname()}
	if origin.IsLoopback(public.Hostname()) {
		names = append(names, "localhost", "127.0.0.1", "::1")
	}
	for _, name := range names {
		host := origin.Join(name, public.Port())
		h.names = append(h.names, host)
		if len(appHosts) > 0 && !origin.IsAddress(name) {
			h.domains = append(h.domains, "."+host)
		}
	}
	return h
}

// lookup reports whether a canonical host is allowed, and the app it belongs
// to, if any.
func (h hosts) lookup(host string) (app string, ok bool) {
	if slices.Contains(h.names, host) {
		return "", true
	}
	for _, domain := range h.domains {
		app, found := strings.CutSuffix(host, domain)
		if found && !strings.Contains(app, ".") && (h.anyApp || slices.Contains(h.apps, app)) {
			return app, true
		}
	}
	return "", false
}

// withPort adds the public URL's port to a host name.
func (s *Server) withPort(name string) string { return origin.Join(name, s.config.PublicURL.Port()) }
