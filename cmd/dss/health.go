package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/daemon"
)

// healthTime bounds how long the server may take to say that it is ready. It
// gives its store two seconds.
const healthTime = 5 * time.Second

// health is what dss health needs to know.
type health struct{ listen, adminListen, url string }

func healthCommand() *cli.Command {
	return &cli.Command{
		Name: "health", Summary: "ask a server on this machine whether it is ready",
		About: `It asks the server whether it is ready: that it runs, reaches its store and is not about to end. It ends with
status 0 if so, 1 if the server says no, 5 if there is no answer. It reads the settings of dss serve, so that a
container can check itself with no other program in it.`,
		Setup: func(f *cli.Flags) cli.Run {
			h := &health{}
			f.StringVar(&h.listen, "listen", daemon.DefaultListen, "`address` the server serves on, over plain HTTP")
			f.StringVar(&h.adminListen, "admin-listen", "", "`address` of its admin server, which is asked instead if there is one")
			f.StringVar(&h.url, "health-url", "", "`URL` to ask instead, such as https://auth.example.org/readyz")
			return func(ctx context.Context, _ cli.Process, _ []string) error { return h.ask(ctx) }
		},
	}
}

func (h *health) address() (string, error) {
	if h.url != "" {
		u, err := url.Parse(h.url)
		if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return "", cli.Usagef("--health-url must be a URL such as https://auth.example.org/readyz")
		}
		return h.url, nil
	}
	listen, _, _ := strings.Cut(h.listen, ",") // the second one redirects to HTTPS
	if h.adminListen != "" {
		listen = h.adminListen
	}
	// An address without a host, or an unspecified one, leads to this machine.
	return "http://" + listen + "/readyz", nil
}

func (h *health) ask(ctx context.Context) error {
	address, err := h.address()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return cli.Usagef("%s is not an address to ask", address)
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
