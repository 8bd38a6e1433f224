package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
)

// serveAdmin serves health checks and profiles on --admin-listen, if that is
// set. The function it returns stops it.
func (c *config) serveAdmin(dss *httpapi.Server, log *slog.Logger) (stop func(), err error) {
	if c.adminListen == "" {
		return func() {}, nil
	}
	listener, err := net.Listen("tcp", c.adminListen)
	if err != nil {
		return nil, fmt.Errorf("admin listen: %w", err)
	}
	server := newHTTPServer(adminRoutes(dss), log)
	server.WriteTimeout = 0 // a profile takes as long as it is asked to
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); err != http.ErrServerClosed {
			log.Error("admin server stopped", "err", err)
		}
	}()
	log.Info("admin server is ready", "address", listener.Addr().String())
	return func() {
		server.Close()
		<-done
	}, nil
}

func adminRoutes(dss *httpapi.Server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", dss.Healthz)
	mux.HandleFunc("GET /readyz", dss.Readyz)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}
