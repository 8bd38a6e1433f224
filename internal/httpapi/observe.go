package httpapi

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/logger"
	"github.com/desktop-stack-serv/dss/internal/oauth"
)

// Observer counts what the server does. Its methods are called by many
// goroutines at once and must not block. Every text they get is a constant of
// this program, except for the names of apps, which are the operator's.
type Observer interface {
	// Began is called when a request arrives.
	Began()
	// Ended is called when a request has been answered.
	Ended(Request)
	// Happened is called for each event while a request is served.
	Happened(Event)
}

// Request is a request that has been answered.
type Request struct {
	Method string // "other" for unknown ones
	Route  string // the pattern of its path, or RouteRefused
	Status int    // or StatusClientLeft
	Error  string // the name of the error in the answer; "" if there is none
	Took   time.Duration
	Waited bool // for a deposit; Took includes the wait
}

// RouteRefused is the Route of a request that was refused before routing.
const RouteRefused = "(refused)"

// StatusClientLeft is counted where the client left before the answer. It is
// never sent.
const StatusClientLeft = 499

// Event is an effect of a request.
type Event struct {
	Name EventName
	// Kind is a deposit's or a claim's kind of response, or the grant.
	Kind string
	// Outcome is a deposit's [relay.Outcome], a [oauth.Step], an
	// [apps.RefusalKind], or one of those below.
	Outcome string
	Took    time.Duration // of a wait
	// App is the name of the app in the operator's list, or [apps.Unlisted]; ""
	// without a list.
	App string
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
	EventRefusal    EventName = "app_refusal" // of an app, by the operator's list
)

// Outcomes of claims, waits and revocations.
const (
	Delivered   = "delivered"
	Interrupted = "interrupted" // the client was seen to leave while it was sent, and may have it
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
	rec := recordOf(ctx)
	e.App = rec.appName()
	s.observer.Happened(e)
	s.audit.write(rec, &e)
}

// granted records a step of a sign-in at the OAuth server.
func (s *Server) granted(ctx context.Context, e oauth.Event) {
	recordOf(ctx).about("sign-in", "", e.SignIn)
	s.happened(ctx, Event{Name: EventGrant, Kind: string(e.Grant), Outcome: string(e.Step)})
}

// audit writes a line for each event and for some refusals. It names the subject
// and the client by keyed hashes: equal values have equal hashes, and without the
// key, which is never logged, the value cannot be found.
type audit struct {
	macs  *sync.Pool // of *mac; nil writes nothing
	lines logger.Lines
}

// mac is an HMAC with the key, and room for a message. Kept for other messages, it
// takes a third of the time of a new one, since it starts after the key.
type mac struct {
	hash.Hash
	room [256]byte
}

func newAudit(key []byte, lines logger.Lines) audit {
	if key == nil {
		return audit{nil, lines}
	}
	return audit{&sync.Pool{New: func() any { return &mac{Hash: hmac.New(sha256.New, key)} }}, lines}
}

// audited are the refusals that get a line: attempts, even by mistake, to do what
// the client may not.
var audited = []string{
	api.CrossOrigin, api.InvalidGrant, api.InvalidVerifier, api.VerifierRequired, api.WrongBrowser,
}

// flooding are the refusals that come by the thousand. They have no line of their
// own; the line of the request names the client.
var flooding = []string{api.MisdirectedRequest, api.ThrottleViolation}

// flooder appends the client of such a refusal to the line of the request.
func (a audit) flooder(rec *record, line []slog.Attr) []slog.Attr {
	if a.macs == nil || !slices.Contains(flooding, rec.problem) {
		return line
	}
	subject, client := a.parties(rec)
	return withText(withText(line, "subject", subject), "client", client)
}

// write writes a line about e. The parties come first: while they are hashed, the
// stack has no room for a line yet (docs/adr/0012-named-speed-ups.md).
func (a audit) write(rec *record, e *Event) {
	if a.macs != nil {
		subject, client := a.parties(rec)
		a.line(rec, e, subject, client)
	}
}

func (a audit) line(rec *record, e *Event, subject, client string) {
	attributes := withText(make([]slog.Attr, 0, 7), "event", string(e.Name))
	attributes = withText(attributes, "kind", e.Kind)
	attributes = withText(attributes, "outcome", e.Outcome)
	attributes = withText(attributes, "app", e.App)
	attributes = withText(attributes, "subject", subject)
	attributes = withText(attributes, "client", client)
	a.lines.Write(time.Now(), "audit", withText(attributes, requestID, rec.id[0]))
}

// withText appends a text to a line, if there is one. Inlined, each call would take
// 100 bytes of the stack.
//
//go:noinline
func withText(line []slog.Attr, key, value string) []slog.Attr {
	if value == "" {
		return line
	}
	return append(line, slog.String(key, value))
}

// refused writes a line for a refusal, if it gets one.
func (a audit) refused(rec *record) {
	if slices.Contains(audited, rec.problem) {
		a.write(rec, &Event{Name: "refusal", Outcome: rec.problem, App: rec.appName()})
	}
}

// parties returns the hashes of the subject, or "" if that is not known, and of the
// client.
func (a audit) parties(rec *record) (subject, client string) {
	m := a.macs.Get().(*mac)
	if !rec.subject.IsZero() {
		subject = m.subject(rec)
	}
	client = m.client(rec)
	clear(m.room[:]) // a longer message has left its beginning here
	a.macs.Put(m)
	return subject, client
}

func (m *mac) subject(rec *record) string {
	message := append(append(m.room[:0], rec.kind...), ' ')
	message = append(append(message, rec.space...), 0)
	return m.hashed(append(message, rec.subject.Reveal()...))
}

func (m *mac) client(rec *record) string {
	return m.hashed(rec.client.AppendTo(append(m.room[:0], "client\x00"...)))
}

// hashed returns the first 48 bits of the HMAC-SHA256 (RFC 2104) of a message, in
// hexadecimal, and clears the message.
func (m *mac) hashed(message []byte) string {
	m.Reset()
	m.Write(message)
	clear(message) // it may hold a key
	var out [12]byte
	hex.Encode(out[:], m.Sum(m.room[:0])[:6])
	return string(out[:])
}

// requestID is the id of the request in a line.
const requestID = "request_id"

// identified adds the id of the request to every line that is written while
// one is served.
type identified struct{ slog.Handler }

// Handle implements [slog.Handler].
func (i identified) Handle(ctx context.Context, line slog.Record) error {
	if id := recordOf(ctx).id[0]; id != "" {
		line.AddAttrs(slog.String(requestID, id))
	}
	return i.Handler.Handle(ctx, line)
}

// WithAttrs implements [slog.Handler].
func (i identified) WithAttrs(attributes []slog.Attr) slog.Handler {
	return identified{i.Handler.WithAttrs(attributes)}
}

// WithGroup implements [slog.Handler].
func (i identified) WithGroup(name string) slog.Handler { return identified{i.Handler.WithGroup(name)} }
