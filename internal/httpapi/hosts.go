package httpapi

import (
	"net"
	"net/url"
	"slices"
	"strings"
)

// hosts is the allow-list of Host headers.
type hosts struct {
	names   []string // host:port, lower case
	domains []string // ".host:port" under which app hosts live
	apps    []string // allowed app hosts; nil allows none
	anyApp  bool
	port    string // the scheme's default
}

// newHosts allows the public URL's host, every loopback name if that is one,
// and an app host for each id in appHosts; "all" stands for any id.
func newHosts(public *url.URL, appHosts []string) hosts {
	h := hosts{port: "80", apps: appHosts, anyApp: slices.Contains(appHosts, "all")}
	if public.Scheme == "https" {
		h.port = "443"
	}
	names := []string{public.Hostname()}
	if IsLoopback(public.Hostname()) {
		names = append(names, "localhost", "127.0.0.1", "::1")
	}
	port := public.Port()
	if port == "" {
		port = h.port
	}
	for _, name := range names {
		name = strings.ToLower(name)
		h.names = append(h.names, net.JoinHostPort(name, port))
		if len(appHosts) > 0 && net.ParseIP(name) == nil {
			h.domains = append(h.domains, "."+net.JoinHostPort(name, port))
		}
	}
	return h
}

// lookup reports whether host is allowed, and the app it belongs to, if any.
func (h hosts) lookup(host string) (app string, ok bool) {
	if slices.Contains(h.names, host) {
		return "", true
	}
	host = strings.ToLower(host)
	if name, port, err := net.SplitHostPort(host); err == nil {
		host = net.JoinHostPort(name, port)
	} else {
		host = net.JoinHostPort(strings.Trim(host, "[]"), h.port)
	}
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

// Answers reports whether the server answers for a host name, given without a
// port, and whether that is one of an endless set, as "all" apps have hosts.
// Certificates are for such names alone.
func (s *Server) Answers(name string) (ok, endless bool) {
	app, ok := s.hosts.lookup(s.withPort(name))
	return ok, ok && app != "" && !slices.Contains(s.hosts.apps, app)
}

// withPort adds the public URL's port to a host name.
func (s *Server) withPort(name string) string {
	if port := s.config.PublicURL.Port(); port != "" {
		return net.JoinHostPort(name, port)
	}
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}

// IsLoopback reports whether a host name or address stays on this machine.
func IsLoopback(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
