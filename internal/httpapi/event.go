package httpapi

import (
	"context"
	"time"

	"github.com/desktop-stack-serv/dss/internal/oauth"
)

// Observer is told what the server does. Its methods are called by many
// goroutines at once and must not block. Every text it gets is one of a few
// that stand in this program: none of them comes from outside.
type Observer interface {
	// Began is called when a request arrives,
	Began()
	// Ended when it has been answered,
	Ended(Request)
	// and Happened in between, if something came of it.
	Happened(Event)
}

// Request is a request that has been answered.
type Request struct {
	Method string // "other" for those that nobody uses
	Route  string // the pattern of its path, or RouteRefused
	Status int    // or StatusClientLeft
	Error  string // the name of the error in the answer; "" if there is none
	Took   time.Duration
	Waited bool // for a deposit, on purpose, which is in Took
}

// RouteRefused stands for the route of a request that no route has seen.
const RouteRefused = "(refused)"

// StatusClientLeft is counted, and never sent, when nobody is left to answer.
const StatusClientLeft = 499

// Event is something that came of a request.
type Event struct {
	Name EventName
	// Kind is a deposit's or a claim's kind of response, or the grant.
	Kind string
	// Outcome is a deposit's [relay.Outcome], a [oauth.Step], or one of those
	// below.
	Outcome string
	Took    time.Duration // of a wait
}

// EventName says what happened.
type EventName string

// The events.
const (
	EventDeposit    EventName = "deposit"
	EventClaim      EventName = "claim" // something was there
	EventWait       EventName = "wait"  // a claim that may wait is over
	EventGrant      EventName = "grant" // a step of a sign-in at the OAuth server
	EventRevocation EventName = "revocation"
)

// Outcomes of claims, waits and revocations.
const (
	Delivered   = "delivered"
	Interrupted = "interrupted" // the client left while it was sent, and may have it
	PutBack     = "put_back"    // the client had left before, and has nothing
	Lost        = "lost"        // the same, but the store failed

	WaitAnswered = "answered"
	WaitEmpty    = "empty"   // nothing came in time
	WaitLeft     = "left"    // the client went away
	WaitDrained  = "drained" // the server shuts down
	WaitFull     = "full"    // too many wait already
	WaitFailed   = "failed"

	Ended = "ended" // the token is not valid any more
)

// unobserved is the [Observer] of a server that has none.
type unobserved struct{}

func (unobserved) Began()         {}
func (unobserved) Ended(Request)  {}
func (unobserved) Happened(Event) {}

// happened counts e and writes it to the audit.
func (s *Server) happened(ctx context.Context, e Event) {
	s.observer.Happened(e)
	s.audit.write(ctx, e)
}

// granted hears of each step of a sign-in at the OAuth server.
func (s *Server) granted(ctx context.Context, e oauth.Event) {
	remember(ctx, "sign-in", "", e.SignIn)
	s.happened(ctx, Event{Name: EventGrant, Kind: string(e.Grant), Outcome: string(e.Step)})
}
