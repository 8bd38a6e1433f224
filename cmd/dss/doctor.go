package main

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"time"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/browser"
	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/doctor"
	"github.com/desktop-stack-serv/dss/internal/fetch"
	"github.com/desktop-stack-serv/dss/internal/origin"
)

// examination is every setting of dss doctor, and what it has found.
type examination struct {
	login

	client   *dss.Client // nil without a client ID
	screen   *screen
	lines    <-chan string // that the person types; nil without a terminal
	findings findings
}

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name: "doctor", Summary: "find out why users cannot sign in to an app",
		About: `It checks the DSS server, this machine, and with --client-id the app's registration on Stack Apps. It prints
a line for each finding, and what to change:

  dss doctor --server https://auth.example.org --client-id 12345

To check the registration, it signs you in as the app would, and revokes the token at once without showing it. Where
Stack Exchange keeps the browser on a page of its own, press Enter and choose what you see; without a terminal, it
prints all possible causes after --timeout. It does not ask for the scope no_expiry.

The status is 0 if there is no problem, 2 if the server has another name, 3 if access was denied, 4 if the browser did
not come back in time, 5 if there is no DSS server, and 1 for any other problem. Warnings do not count.`,
		Setup: func(f *cli.Flags) cli.Run {
			e := &examination{}
			e.flags(f)
			return e.run
		},
	}
}

func (e *examination) flags(f *cli.Flags) {
	f.StringVar(&e.server, "server", "", "`URL` of the DSS server, such as https://auth.example.org")
	f.StringVar(&e.clientID, "client-id", "", "the app's client ID on Stack Apps, a `number`; without it, nobody signs in")
	f.StringVar(&e.scope, "scope", "", "comma-separated `scopes` that the app asks for")
	f.ChoiceVar(&e.flow, "flow", "loopback|device", "how to sign in: with a browser on this machine, or on another one")
	f.BoolVar(&e.noBrowser, "no-browser", "print the address only")
	f.StringVar(&e.api, "stackexchange-api-url", "", "`URL` of the Stack Exchange API, to revoke the token (default "+
		dss.DefaultAPI+", or the sandbox of a server on this machine)")
	f.ChoiceVar(&e.output, "output", "text|json", "how to print the findings")
	f.DurationVar(&e.timeout, "timeout", 15*time.Minute, "how long to wait for the user")
}

func (e *examination) run(ctx context.Context, p cli.Process, _ []string) error {
	server, err := e.prepare()
	if err == nil && e.reviewScopes(p) {
		server, err = e.prepare()
	}
	if err != nil {
		return err
	}
	e.screen = newScreen(p.Stderr, p.Env)
	if e.screen.columns > 0 && isTerminal(p.Stdin) {
		e.lines = linesOf(p.Stdin)
	}
	e.findings = findings{w: p.Stdout, json: e.output == "json", columns: newScreen(p.Stdout, p.Env).columns}
	return interruptible(ctx, func(ctx context.Context) error {
		err := e.examine(ctx, server, p)
		if err == nil {
			err = e.trySignIn(ctx, server.Hostname())
		}
		if err != nil {
			return err
		}
		return e.findings.end()
	})
}

// prepare checks the settings and returns the URL of the server.
func (e *examination) prepare() (*url.URL, error) {
	names := slices.DeleteFunc(e.scopes(), func(name string) bool { return name == "no_expiry" })
	e.scope = strings.Join(names, " ")
	config, err := e.config()
	if err != nil {
		return nil, err
	}
	if e.clientID == "" {
		_, err = dss.NewTokenClient(config)
	} else {
		e.client, err = dss.New(config)
	}
	if err != nil {
		return nil, inFlags(err)
	}
	return origin.Parse(e.server)
}

// examine checks the server and this machine. The error is that of the end of ctx.
func (e *examination) examine(ctx context.Context, server *url.URL, p cli.Process) error {
	client := fetch.New(nil)
	found, err := doctor.CheckServer(ctx, client, server)
	if err != nil {
		return err
	}
	e.findings.add(found...)
	e.findings.add(doctor.CheckProxy(http.ProxyFromEnvironment, p.Env,
		server.String(), dss.DefaultStackExchange, cmp.Or(e.api, dss.DefaultAPI)))
	here := e.flow == string(dss.FlowLoopback)
	e.findings.add(doctor.CheckBrowser(browser.FindPlace(), here, here && !e.noBrowser))
	e.findings.add(doctor.CheckLoopback(ctx, client, net.Listen, here))
	e.findings.add(doctor.FindKeyStore(runtime.GOOS, p.Env))
	return ctx.Err()
}
