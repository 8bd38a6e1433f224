package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/browser"
	"github.com/desktop-stack-serv/dss/internal/cli"
)

// login is every setting of dss login.
type login struct {
	keep
	clientID, scope, server string
	flow, appID             string
	noBrowser               bool
	output                  string
	timeout                 time.Duration
	stackExchange, api      string
	stores                  bool
	stdin                   io.Reader // where the person may press a key; nil without a terminal
}

func loginCommand() *cli.Command {
	return &cli.Command{
		Name: "login", Summary: "sign a user in and print the access token",
		About: `It signs a user of Stack Exchange in to an app, through a DSS server. It prints what to do on standard error,
and only the access token on standard output:

  export DSS_TOKEN=$(dss login --server https://auth.example.org --client-id 12345)

The flow loopback needs the browser on this machine. In the flow relay it may be anywhere. The flow device is for a
browser on another machine. They need Authorization Code with PKCE on Stack Apps; implicit is relay for apps with
Implicit there. By default, dss takes loopback, and device beside it over SSH, in a container or WSL, without a display,
if no browser comes within 20 seconds, or if you press Enter: whichever ends first. With --no-browser, it takes relay.`,
		Setup: func(f *cli.Flags) cli.Run {
			l := &login{}
			l.flags(f)
			f.BoolVar(&l.stores, "store", "store the token in the system's key chain, for dss token, and do not print it")
			return l.run
		},
	}
}

func (l *login) flags(f *cli.Flags) {
	f.StringVar(&l.server, "server", "", "`URL` of the DSS server, such as https://auth.example.org")
	f.StringVar(&l.clientID, "client-id", "", "the app's client ID on Stack Apps, a `number`")
	f.StringVar(&l.scope, "scope", "", "comma-separated `scopes` to ask for, such as read_inbox,write_access")
	f.ChoiceVar(&l.flow, "flow", "auto|loopback|relay|implicit|device", "how to sign in")
	f.BoolVar(&l.noBrowser, "no-browser", "print the address only")
	f.ChoiceVar(&l.output, "output", "token|json|env|header",
		"what to print: the token, a JSON object, DSS_TOKEN=… for a shell, or an HTTP header")
	f.StringVar(&l.appID, "app-id", "", "`id` that keeps the app's keys apart, in the relay flows")
	f.StringVar(&l.stackExchange, "stackexchange-url", "", "`URL` where users sign in, and dss redeems codes (default "+
		dss.DefaultStackExchange+", or the sandbox of a server on this machine)")
	f.StringVar(&l.api, "stackexchange-api-url", "", "`URL` of the Stack Exchange API, to check and to end tokens "+
		"(default "+dss.DefaultAPI+", or the sandbox of a server on this machine)")
	f.DurationVar(&l.timeout, "timeout", 15*time.Minute, "how long to wait for the user")
	l.keep.flags(f)
}

func (l *login) run(ctx context.Context, p cli.Process, _ []string) error {
	s, client, err := l.prepare(p)
	if err != nil {
		return err
	}
	return interruptible(ctx, func(ctx context.Context) error {
		if l.stores {
			return l.store(ctx, client, s)
		}
		token, err := l.signInWithin(ctx, client, s)
		if err != nil {
			return err
		}
		return writeToken(p.Stdout, l.output, token)
	})
}

// prepare checks the settings, and asks the person about scopes that look wrong.
func (l *login) prepare(p cli.Process) (*screen, *dss.Client, error) {
	s := newScreen(p.Stderr, p.Env)
	client, err := l.client(s)
	if err == nil && l.reviewScopes(p) { // after all that is wrong without a question
		client, err = l.client(s)
	}
	if s.columns > 0 && isTerminal(p.Stdin) {
		l.stdin = p.Stdin
	}
	return s, client, err
}

// signInWithin signs a user in before the timeout.
func (l *login) signInWithin(ctx context.Context, client *dss.Client, s *screen) (*dss.Token, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.timeout, dss.ErrExpired)
	defer cancel()
	return l.signIn(ctx, client, s)
}

// client returns a client that shows a device grant beside its sign-in on a screen.
func (l *login) client(s *screen) (*dss.Client, error) {
	config, err := l.config()
	config.Prompt, config.NoDevice, config.Locales = s.showElsewhere, s.noDevice, s.locales()
	if err == nil && l.clientID == "" {
		err = cli.Usagef("set --client-id or DSS_CLIENT_ID to the app's client ID on Stack Apps")
	}
	if err != nil {
		return nil, err
	}
	client, err := dss.New(config)
	return client, inFlags(err)
}

func (l *login) config() (dss.Config, error) {
	switch {
	case l.server == "":
		return dss.Config{}, cli.Usagef(
			"say with --server or DSS_SERVER which DSS server to use, such as https://auth.example.org")
	case l.timeout <= 0:
		return dss.Config{}, cli.Usagef("--timeout must be more than 0")
	}
	flow := dss.Flow(l.flow)
	switch {
	case l.flow != "auto":
	case l.noBrowser: // the browser may be on another machine, which cannot come back to this one
		flow = dss.FlowRelay
	default:
		flow = dss.FlowAuto
	}
	return dss.Config{
		Server:        l.server,
		ClientID:      l.clientID,
		Scopes:        l.scopes(),
		Flow:          flow,
		AppID:         l.appID,
		StackExchange: l.stackExchange,
		API:           l.api,
	}, nil
}

// signIn shows the user what to do and waits until they have done it.
func (l *login) signIn(ctx context.Context, client *dss.Client, s *screen) (*dss.Token, error) {
	signIn, end, err := l.start(ctx, client, s)
	if err != nil {
		return nil, err
	}
	defer end()
	defer s.spin(s.text("login.waiting"))()
	token, err := signIn.Wait(ctx)
	return token, fromClient(err)
}

// start starts a sign-in, shows the user what to do, and opens the browser if that
// is wanted. The function it returns ends all that.
func (l *login) start(ctx context.Context, client *dss.Client, s *screen) (*dss.SignIn, func(), error) {
	signIn, err := client.Start(ctx)
	if err != nil {
		return nil, nil, fromClient(err)
	}
	opens := !l.noBrowser && signIn.Flow != dss.FlowDevice && !(l.isAuto() && browser.FindPlace().Remote)
	if err := s.instruct(signIn, opens); err != nil {
		signIn.Close()
		return nil, nil, err
	}
	stopBrowser, stopKeys := func() {}, func() {}
	if opens {
		stopBrowser = l.openBrowser(signIn, s)
	}
	if l.isAuto() && l.stdin != nil && signIn.Reason == "" {
		stopKeys = l.watchKeys(signIn, s)
	}
	return signIn, func() {
		stopKeys()
		stopBrowser()
		signIn.Close()
	}, nil
}

// isAuto reports whether a device grant may start beside the sign-in.
func (l *login) isAuto() bool { return l.flow == "auto" && !l.noBrowser }

// openBrowser opens the address and reports a failure, which may come some time
// later. The function it returns ends the watch.
func (l *login) openBrowser(signIn *dss.SignIn, s *screen) (stop func()) {
	fail := func(err error) {
		s.noBrowser(signIn, err, l.isAuto())
		signIn.Elsewhere(dss.ReasonNoOpener)
	}
	ended, err := browser.Open(signIn.OpenURL)
	if err != nil {
		fail(err)
		return func() {}
	}
	return inBackground(func(done <-chan struct{}) {
		select {
		case err := <-ended:
			if err != nil {
				fail(err)
			}
		case <-done:
		}
	})
}

// watchKeys has the person ask for a sign-in on another device. The function it
// returns ends the watch.
func (l *login) watchKeys(signIn *dss.SignIn, s *screen) (stop func()) {
	s.printf("%s\n\n", s.text("login.press_enter"))
	readsInBackground()
	lines := linesOf(l.stdin)
	return inBackground(func(done <-chan struct{}) {
		select {
		case _, pressed := <-lines:
			if pressed {
				signIn.Elsewhere(dss.ReasonAsked)
			}
		case <-done:
		}
	})
}

// inBackground runs a function until the one that it returns is called, which
// waits for its end.
func inBackground(run func(done <-chan struct{})) (stop func()) {
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() { run(done) })
	return func() {
		close(done)
		running.Wait()
	}
}

// interruptible runs a function until a signal ends its context. A second
// signal ends the process at once.
func interruptible(ctx context.Context, do func(context.Context) error) error {
	signaled, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(signaled, stop)
	err := do(signaled)
	if err != nil && signaled.Err() != nil {
		return errInterrupted
	}
	return err
}

// inFlags names the flag that has a wrong field of a configuration.
func inFlags(err error) error {
	wrong, ok := errors.AsType[*dss.ConfigError](err)
	if !ok {
		return err
	}
	flag := map[string]string{
		"Server": "server", "ClientID": "client-id", "StackExchange": "stackexchange-url", "API": "stackexchange-api-url",
	}[wrong.Field]
	return cli.Usagef("--%s %s", flag, wrong.Reason)
}

func isTerminal(r io.Reader) bool {
	file, ok := r.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
