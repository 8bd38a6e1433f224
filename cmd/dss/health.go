package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/daemon"
)

type health struct{ listen, adminListen, url string }

func healthCommand() *cli.Command {
	return &cli.Command{
		Name: "health", Summary: "ask a server on this machine whether it is ready",
		About: `It asks the server whether it is ready: running, with a store that works, and not shutting down. The status
is 0 if it is, 1 if it is not, 5 if there is no answer. The command reads the settings of dss serve, so that a container
can check itself without another program.`,
		Setup: func(f *cli.Flags) cli.Run {
			h := &health{}
			f.StringVar(&h.listen, "listen", daemon.DefaultListen, "`address` the server serves on, over plain HTTP")
			f.StringVar(&h.adminListen, "admin-listen", "", "`address` of its admin server, to ask instead")
			f.StringVar(&h.url, "health-url", "", "`URL` to ask instead, such as https://auth.example.org/readyz")
			return func(ctx context.Context, _ cli.Process, _ []string) error { return h.ask(ctx) }
		},
	}
}

func (h *health) ask(ctx context.Context) error {
	// The second address of --listen redirects to HTTPS. One without a host, or
	// with an unspecified one, leads to this machine.
	listen, _, _ := strings.Cut(cmp.Or(h.adminListen, h.listen), ",")
	address := cmp.Or(h.url, "http://"+listen+"/readyz")
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second) // the server gives its store two
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil || request.URL.Host == "" || (request.URL.Scheme != "http" && request.URL.Scheme != "https") {
		return cli.Usagef("%s is not a URL to ask, such as https://auth.example.org/readyz", address)
	}
	transport := &http.Transport{Proxy: nil, DisableKeepAlives: true}
	response, err := transport.RoundTrip(request) // which follows no redirect
	if err != nil {
		return fromClient(fmt.Errorf("%w: %w", dss.ErrUnreachable, err))
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	reason, _ := io.ReadAll(io.LimitReader(response.Body, 200)) // the status says enough without it
	return fmt.Errorf("%s answers %d: %s", address, response.StatusCode, strings.TrimSpace(string(reason)))
}
