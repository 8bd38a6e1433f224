package dss

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/browser"
)

// Flow is a way to sign in.
type Flow string

// The flows.
const (
	FlowAuto     Flow = ""         // loopback, and device beside it where no browser comes to this machine
	FlowLoopback Flow = "loopback" // code grant with PKCE; the browser comes back to this machine
	FlowRelay    Flow = "relay"    // code grant with PKCE; the server keeps the answer under a bound key
	FlowImplicit Flow = "implicit" // the server keeps the token itself; for apps with the flow Implicit
	FlowDevice   Flow = "device"   // the user signs in on another machine (RFC 8628)
)

var flows = []Flow{FlowAuto, FlowLoopback, FlowRelay, FlowImplicit, FlowDevice}

// SignIn is a sign-in under way. Its methods may be called from one goroutine
// at a time.
type SignIn struct {
	// Flow is how it is done; never [FlowAuto].
	Flow Flow
	// URL is where the user signs in.
	URL string
	// OpenURL is what to open in a browser on this machine. In [FlowAuto] it is an
	// address of this process that redirects to URL, so that it is known whether
	// a browser has come; otherwise it is URL.
	OpenURL string
	// Reason is why [FlowAuto] doubts that a browser comes to this machine; otherwise
	// empty. A device grant has one too if it comes beside or in place of the loopback flow.
	Reason Reason
	// MatchCode is what the page in the browser shows too, in the relay
	// flows, as XXX-XXX; otherwise empty.
	MatchCode string
	// UserCode is what the user compares or types, in the device flow, and
	// VerificationURL where; otherwise empty. URL has the code in it.
	UserCode        string
	VerificationURL string
	// Expires is when the sign-in ends without an answer.
	Expires time.Time

	wait      func(context.Context) (*Token, error)
	discard   func(*Token) error
	elsewhere func(Reason)
	close     func() error // nil: there is nothing to free
	revoke    func() error // ends it at the server; nil: that keeps nothing of it
}

// SignIn signs a user in: it starts, prompts and waits. Errors are those of
// [Client.Start] and [SignIn.Wait], and that of the prompt.
func (c *Client) SignIn(ctx context.Context) (*Token, error) {
	prompt := c.config.Prompt
	if prompt == nil {
		prompt = promptWithBrowser
	}
	s, err := c.start(ctx, prompt)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	err = prompt(s)
	switch {
	case err == nil:
	case s.elsewhere != nil && errors.Is(err, ErrNoBrowser):
		s.Elsewhere(ReasonNoOpener)
	default:
		return nil, promptError(err)
	}
	return s.Wait(ctx)
}

func promptError(err error) error { return fmt.Errorf("dss: prompt: %w", err) }

// Start begins a sign-in. Show the user what is in it, or call [OpenBrowser],
// then [SignIn.Wait]; end with [SignIn.Close]. It asks the server for its
// metadata, so that a wrong [Config.Server] is an error before the user signs
// in. Errors are [ErrWrongServer], [ErrUnreachable], those of
// the listener in [FlowLoopback], and in [FlowDevice] those of
// [Client.Inspect].
//
// In [FlowAuto] it starts the loopback flow. A device grant starts beside it only if
// there is a [Config.Prompt] to show it, or in its place where nothing can listen.
func (c *Client) Start(ctx context.Context) (*SignIn, error) { return c.start(ctx, c.config.Prompt) }

func (c *Client) start(ctx context.Context, prompt func(*SignIn) error) (*SignIn, error) {
	s, err := c.startFlow(ctx, prompt)
	if err != nil {
		return nil, err
	}
	s.OpenURL, s.discard = cmp.Or(s.OpenURL, s.URL), c.discard
	return s, nil
}

func (c *Client) startFlow(ctx context.Context, prompt func(*SignIn) error) (*SignIn, error) {
	flow := c.config.Flow
	info, err := c.check(ctx, cmp.Or(flow, FlowLoopback))
	if err != nil {
		return nil, err
	}
	switch flow {
	case FlowDevice:
		return c.startDevice(ctx)
	case FlowImplicit:
		return c.startImplicit(c.upstreamFor(info)), nil
	case FlowRelay:
		return c.startRelay(c.upstreamFor(info)), nil
	case FlowLoopback:
		s, _, err := c.listenFor(info)
		return s, err
	}
	return c.startAuto(ctx, info, prompt)
}

// Wait returns the token once the user has approved. It survives dropped
// connections and restarts of the server. It may be called once: whatever ends
// it ends the sign-in. Errors are [ErrAccessDenied], [ErrExpired], [ErrConflict],
// [ErrUnreachable] and [ErrThrottled] when one of them lasted to the end,
// [ErrAnswerLost], an [*Error], or the context's cause.
//
// If the context ends while the token is on its way, Wait gives that up to 3 s more.
// A token that comes then is returned if time was up, and invalidated if the
// context was cancelled, so that no token is left that nobody has.
func (s *SignIn) Wait(ctx context.Context) (*Token, error) {
	limited, cancel := context.WithDeadlineCause(ctx, s.Expires, ErrExpired)
	defer cancel()
	token, err := s.wait(limited)
	if token == nil || !errors.Is(ctx.Err(), context.Canceled) {
		return token, err
	}
	if err := s.discard(token); err != nil {
		return nil, fmt.Errorf("%w; the token that has come is valid until it expires: %w", context.Cause(ctx), err)
	}
	return nil, context.Cause(ctx)
}

// Elsewhere has [FlowAuto] start a device grant beside the loopback flow, for a user whose
// browser is on another machine, and show it with [Config.Prompt]. Why is told to that.
// Later calls, and those in other flows, do nothing. Unlike the other methods, it may
// be called during [SignIn.Wait].
func (s *SignIn) Elsewhere(why Reason) {
	if s.elsewhere != nil {
		s.elsewhere(why)
	}
}

// endsBy has Close end a sign-in at the server, unless it is over there, with an answer or
// with its time: then nobody can approve it any more. The secret is one that the server ends
// it by.
func (c *Client) endsBy(s *SignIn, secret string) {
	over, wait, free := false, s.wait, s.close
	s.wait = func(ctx context.Context) (*Token, error) {
		token, err := wait(ctx)
		over = ctx.Err() == nil || token != nil || !time.Now().Before(s.Expires)
		return token, err
	}
	s.revoke = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), endTime)
		defer cancel()
		_, err := c.post(ctx, api.PathRevoke, url.Values{"token": {secret}, "client_id": {c.config.ClientID}})
		return err
	}
	s.close = sync.OnceValue(func() (err error) {
		if free != nil {
			err = free()
		}
		if !over {
			err = errors.Join(err, s.revoke())
		}
		return err
	})
}

// Close frees what the sign-in holds, and, in [FlowLoopback] and [FlowDevice], ends one that
// has not ended at the server, for which it takes up to 3 s. It may be called more than once.
func (s *SignIn) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

// browserTime is how long a command that opens the browser is watched. Some
// stay as long as the browser runs.
const browserTime = 3 * time.Second

// OpenBrowser opens an http or https address in the user's browser. It returns
// when the system's command for that has ended, or after 3 s: by then the
// browser has been asked, but the page may not be there yet. The error is
// [ErrNoBrowser]: no page will come, as over SSH without a display; [FlowDevice]
// works without a browser on this machine. The browser gets no DSS_ variable of the environment,
// and no interrupt from our terminal.
func OpenBrowser(address string) error {
	ended, err := browser.Open(address)
	if err == nil {
		timer := time.NewTimer(browserTime)
		defer timer.Stop()
		select {
		case err = <-ended:
		case <-timer.C:
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoBrowser, err)
	}
	return nil
}
