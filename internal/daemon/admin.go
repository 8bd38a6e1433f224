package daemon

import (
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/origin"
)

// hasAdmin reports whether there is an admin server.
func (d *daemon) hasAdmin() bool { return d.AdminListen != "" || d.sockets.has(socketAdmin) }

// startAdmin serves metrics, health checks and profiles on --admin-listen, if
// that is set, or on the socket that is passed for it.
func (d *daemon) startAdmin() error {
	if !d.hasAdmin() {
		return nil
	}
	listener, err := d.sockets.listen(d.AdminListen, socketAdmin)
	if err != nil {
		return fmt.Errorf("admin listen: %w", err)
	}
	server := newHTTPServer(d.adminHandler(), d.log)
	// A profile takes as long as it is asked to. When a deadline for reading
	// passes, net/http takes it that the client has left.
	server.ReadTimeout, server.WriteTimeout = 0, 0
	// For the profiles block and mutex: about one sample per millisecond of
	// blocking, and of one in a hundred contentions.
	runtime.SetBlockProfileRate(int(time.Millisecond))
	runtime.SetMutexProfileFraction(100)
	d.serveInBackground("admin server", server, listener)
	d.log.Info("admin server is ready", "address", listener.Addr().String())
	return nil
}

// adminHandler is for operators. It does not serve the command line: a store's
// URL may hold a password.
func (d *daemon) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", d.metrics.Handler())
	mux.HandleFunc("GET /healthz", d.server.Healthz)
	mux.HandleFunc("GET /readyz", d.server.Readyz)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return d.adminGuard(mux)
}

// adminGuard sets the headers of every answer, and refuses web pages: one from
// a name that leads to this address could read everything (DNS rebinding).
func (d *daemon) adminGuard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		httpapi.SetPageHeaders(w.Header())
		if !d.isAdminHost(r.Host) {
			http.Error(w, "use the address, or the name in --admin-listen", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// privateNames end names that no page on the internet can have (RFC 6761, RFC
// 6762, RFC 8375, and what ICANN has set aside).
var privateNames = []string{".localhost", ".local", ".internal", ".home.arpa"}

// isAdminHost accepts addresses, names that cannot be registered, and the one
// in --admin-listen.
func (d *daemon) isAdminHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	listen, _, _ := net.SplitHostPort(d.AdminListen)
	return host != "" && (origin.IsAddress(host) || !strings.Contains(host, ".") || strings.EqualFold(host, listen) ||
		slices.ContainsFunc(privateNames, func(end string) bool { return strings.HasSuffix(host, end) }))
}
