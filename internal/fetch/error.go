package fetch

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync/atomic"

	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// maxReason bounds the reason of an [Error], in bytes.
const maxReason = 300

// Error is a request without an answer.
type Error struct {
	// Reason says what is wrong with the network; "" if something else is: any
	// other error may quote what was sent or received.
	Reason string
	// Sent reports whether the request may have arrived.
	Sent bool

	cause error
}

func newError(cause error, sent bool, host string, secrets []secret.Text) *Error {
	reason := secret.Redact(display.Clean(reasonOf(cause, host)), secrets...)
	if errors.Is(cause, context.DeadlineExceeded) { // of Do, not of the caller's context
		cause = os.ErrDeadlineExceeded
	}
	return &Error{Reason: display.Cut(reason, maxReason), Sent: sent, cause: cause}
}

// Error implements error.
func (e *Error) Error() string { return cmp.Or(e.Reason, "no usable answer") }

// Unwrap returns the cause, which may quote what was sent or received.
func (e *Error) Unwrap() error { return e.cause }

func reasonOf(err error, host string) string {
	overdue := "no answer from " + host + " in time"
	if errors.Is(err, context.DeadlineExceeded) {
		return overdue
	}
	text := cmp.Or(
		textOf[*proxyError](err), textOf[*net.OpError](err), textOf[*net.DNSError](err),
		textOf[*tls.CertificateVerificationError](err),
	)
	if text != "" {
		return text
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return host + " does not speak TLS"
	}
	for _, known := range []error{io.ErrUnexpectedEOF, io.EOF, http.ErrSchemeMismatch, os.ErrDeadlineExceeded} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return overdue
	}
	return ""
}

func textOf[E error](err error) string {
	if found, ok := errors.AsType[E](err); ok {
		return found.Error()
	}
	return ""
}

// trace records how far a request got.
type trace struct{ asked, connected atomic.Bool }

func (t *trace) follow(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { t.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { t.connected.Store(true) },
	})
}

// sent reports whether a request that ended with err may have arrived. Not
// every transport calls the trace.
func (t *trace) sent(err error) bool {
	if t.asked.Load() {
		return t.connected.Load()
	}
	operation, ok := errors.AsType[*net.OpError](err)
	return !ok || operation.Op != "dial"
}
