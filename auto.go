package dss

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/desktop-stack-serv/dss/internal/browser"
)

// silence is how long the browser on this machine may take to come to the listener of
// [FlowAuto]. A cold start takes a few seconds.
const silence = 20 * time.Second

// Reason says why [FlowAuto] asks for a sign-in on another device.
type Reason string

// The reasons.
const (
	ReasonSSH        Reason = "ssh"         // this is an SSH session
	ReasonContainer  Reason = "container"   // this is a container
	ReasonWSL        Reason = "wsl"         // this is Linux inside Windows
	ReasonNoDisplay  Reason = "no display"  // no window can be shown here
	ReasonNoListener Reason = "no listener" // nothing can listen on 127.0.0.1
	ReasonNoOpener   Reason = "no opener"   // the command that opens the browser failed
	ReasonSilence    Reason = "silence"     // no browser on this machine has come for 20 s
	ReasonAsked      Reason = "asked"       // the user wants it; see [SignIn.Elsewhere]
)

// reasonAt returns why a browser on this machine is in doubt from the start; "" if
// it is not.
func reasonAt(p browser.Place) Reason {
	switch {
	case p.SSH:
		return ReasonSSH
	case p.WSL:
		return ReasonWSL
	case p.Container:
		return ReasonContainer
	case !p.Display:
		return ReasonNoDisplay
	}
	return ""
}

// auto is a sign-in of [FlowAuto]: the loopback flow, and beside it a device grant once
// a browser on this machine is in doubt. Whichever ends first wins.
type auto struct {
	client *Client
	here   SignIn          // the loopback flow
	came   <-chan struct{} // closed when a browser on this machine has come
	doubts chan Reason
	prompt func(*SignIn) error // nil: there is nobody to show a device grant to
	failed func(error)         // told why there is no device grant; may be nil
}

// startAuto starts the loopback flow, or a device grant where nothing can listen.
func (c *Client) startAuto(ctx context.Context, info serverInfo, prompt func(*SignIn) error) (*SignIn, error) {
	s, l, err := c.listenFor(info)
	if err != nil {
		s, err = c.startDevice(ctx)
		if err == nil {
			s.Reason = ReasonNoListener
		}
		return s, err
	}
	s.OpenURL, s.Reason = l.entrance, reasonAt(c.place())
	a := &auto{client: c, here: *s, came: l.came, doubts: make(chan Reason, 1), prompt: prompt, failed: c.config.NoDevice}
	if s.Reason != "" {
		a.doubts <- s.Reason
	}
	s.wait, s.elsewhere = a.wait, a.doubt
	return s, nil
}

// doubt starts the device grant, now or when the wait begins. One reason is enough.
func (a *auto) doubt(why Reason) {
	select {
	case a.doubts <- why:
	default:
	}
}

// result is what one of the two flows ends with.
type result struct {
	token  *Token
	err    error
	revoke func() error // ends the flow at the server, if it has led to a token
}

// inBackground runs a flow. The channel gets its result.
func inBackground(flow func() result) <-chan result {
	ended := make(chan result, 1)
	go func() { ended <- flow() }()
	return ended
}

// wait returns what the flow that ends first has led to, once the other one has ended too.
func (a *auto) wait(ctx context.Context) (*Token, error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	silent := time.NewTimer(silence)
	defer silent.Stop()
	here := inBackground(func() result {
		token, err := a.here.wait(ctx)
		return result{token, err, a.here.revoke}
	})
	var elsewhere <-chan result
	late, doubts := silent.C, a.doubts
	if a.prompt == nil {
		late, doubts = nil, nil
	}
	for {
		var why Reason
		select {
		case first := <-here:
			end(errOther)
			return a.outcome(first, elsewhere)
		case first := <-elsewhere:
			end(errOther)
			return a.outcome(first, here)
		case <-late:
			why = ReasonSilence
		case why = <-doubts:
		}
		if why != ReasonAsked && a.isHere() {
			continue
		}
		late, doubts = nil, nil
		elsewhere = inBackground(func() result { return a.device(ctx, why) })
	}
}

// isHere reports whether a browser on this machine has come.
func (a *auto) isHere() bool {
	select {
	case <-a.came:
		return true
	default:
		return false
	}
}

// errOther ends a flow when the other one has ended.
var errOther = errors.New("dss: the other flow has ended first")

// outcome waits for the end of the second flow. A second token that was on its way is
// invalidated, and its flow ended: nobody would use it.
func (a *auto) outcome(first result, other <-chan result) (*Token, error) {
	var second result
	if other != nil {
		second = <-other
	}
	switch {
	case first.token == nil && second.token == nil:
		if errors.Is(first.err, ErrExpired) && second.err != nil && !errors.Is(second.err, errOther) {
			return nil, second.err // which says more
		}
		return nil, first.err
	case first.token == nil:
		return second.token, nil
	case second.token != nil && second.token.AccessToken.Reveal() != first.token.AccessToken.Reveal():
		// The user is signed in, whatever comes of these.
		_ = a.client.discard(second.token)
		_ = second.revoke()
	}
	return first.token, nil
}

// device starts a device grant, shows it, and waits for its token. If it cannot be
// started, the loopback flow goes on alone.
func (a *auto) device(ctx context.Context, why Reason) result {
	s, err := a.client.startDevice(ctx)
	if err != nil {
		if ctx.Err() == nil && a.failed != nil {
			a.failed(err)
		}
		<-ctx.Done()
		return result{err: lasted(ctx, err)}
	}
	defer s.Close()
	s.Reason, s.OpenURL = why, s.URL
	if ctx.Err() != nil {
		return result{err: context.Cause(ctx)}
	}
	if err := a.prompt(s); err != nil && !errors.Is(err, ErrNoBrowser) {
		return result{err: promptError(err)}
	}
	token, err := s.wait(ctx)
	return result{token, err, s.revoke}
}

// promptWithBrowser is the prompt of a configuration without one. It writes to standard
// error only what a browser cannot show.
func promptWithBrowser(s *SignIn) error {
	if s.Reason != "" && s.Flow == FlowDevice {
		_, err := fmt.Fprintf(os.Stderr, "To sign in on another device, open %s and enter the code %s\n",
			s.VerificationURL, s.UserCode)
		return err
	}
	return OpenBrowser(s.OpenURL)
}

// printNoDevice says on standard error that only a browser on this machine will do.
func printNoDevice(err error) {
	fmt.Fprintf(os.Stderr, "There is no code for another device: %v\n", err)
}
