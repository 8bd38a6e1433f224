package dss

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/desktop-stack-serv/dss/internal/browser"
)

// Flow is a way to sign in.
type Flow string

// The flows.
const (
	FlowAuto     Flow = ""         // loopback, or relay where no listener can be opened
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
	// MatchCode is what the page in the browser shows too, in the relay
	// flows, as XXX-XXX; otherwise empty.
	MatchCode string
	// UserCode is what the user compares or types, in the device flow, and
	// VerificationURL where; otherwise empty. URL has the code in it.
	UserCode        string
	VerificationURL string
	// Expires is when the sign-in ends without an answer.
	Expires time.Time

	wait  func(context.Context) (*Token, error)
	close func() error
}

// SignIn signs a user in: it starts, prompts and waits. Errors are those of
// [Client.Start] and [SignIn.Wait], and that of the prompt.
func (c *Client) SignIn(ctx context.Context) (*Token, error) {
	s, err := c.Start(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	prompt := c.config.Prompt
	if prompt == nil {
		prompt = func(s *SignIn) error { return OpenBrowser(s.URL) }
	}
	if err := prompt(s); err != nil {
		return nil, fmt.Errorf("dss: prompt: %w", err)
	}
	return s.Wait(ctx)
}

// Start begins a sign-in. Show the user what is in it, or call [OpenBrowser],
// then [SignIn.Wait]; end with [SignIn.Close]. It asks the server for its
// metadata, so that a wrong [Config.Server] is an error before the user signs
// in. Errors are [ErrWrongServer], [ErrUnreachable], those of
// the listener in [FlowLoopback], and in [FlowDevice] those of
// [Client.Inspect].
func (c *Client) Start(ctx context.Context) (*SignIn, error) {
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
	case FlowAuto, FlowLoopback:
		if s, err := c.startLoopback(info); err == nil || flow == FlowLoopback {
			return s, err
		}
	}
	return c.startRelay(c.upstreamFor(info)), nil
}

// Wait returns the token once the user has approved. It survives dropped
// connections and restarts of the server. It may be called once: whatever ends
// it ends the sign-in. Errors are [ErrAccessDenied], [ErrExpired], [ErrConflict],
// [ErrUnreachable] and [ErrThrottled] when one of them lasted to the end,
// [ErrAnswerLost], an [*Error], or the context's cause.
func (s *SignIn) Wait(ctx context.Context) (*Token, error) {
	limited, cancel := context.WithDeadlineCause(ctx, s.Expires, ErrExpired)
	defer cancel()
	return s.wait(limited)
}

// Close frees what the sign-in holds. It may be called more than once.
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
// browser has been asked, but the page may not be there yet. An error means that
// no page will come, as over SSH without a display; [FlowDevice] works without a
// browser on this machine. The browser gets no DSS_ variable of the environment,
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
		return fmt.Errorf("dss: open the browser: %w", err)
	}
	return nil
}
