package dss

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"sync/atomic"
)

// trace notes how far a request got.
type trace struct{ asked, connected atomic.Bool }

func (t *trace) follow(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { t.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { t.connected.Store(true) },
	})
}

// sent reports whether a request that ended with err may have arrived. Not
// every transport tells the trace.
func (t *trace) sent(err error) bool {
	if t.asked.Load() {
		return t.connected.Load()
	}
	operation, ok := errors.AsType[*net.OpError](err)
	return !ok || operation.Op != "dial"
}

// unreachable leaves a context's error as it is.
func unreachable(ctx context.Context, err error, host string, sent bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &connectionError{err, host, sent}
}

// connectionError is an [ErrUnreachable] with its cause.
type connectionError struct {
	cause error
	host  string
	sent  bool // the request may have arrived
}

func (e *connectionError) Error() string {
	if text := e.reason(); text != "" {
		return fmt.Sprintf("%v: %s", ErrUnreachable, text)
	}
	return ErrUnreachable.Error()
}

// Unwrap hides the end of our own time, which is not that of the caller's
// context.
func (e *connectionError) Unwrap() []error {
	if errors.Is(e.cause, context.DeadlineExceeded) {
		return []error{ErrUnreachable, os.ErrDeadlineExceeded}
	}
	return []error{ErrUnreachable, e.cause}
}

// reason says what is wrong with the network, if that is what is wrong: any
// other error may quote what was sent or received.
func (e *connectionError) reason() string {
	if errors.Is(e.cause, context.DeadlineExceeded) {
		return "no answer from " + e.host + " in time"
	}
	if proxy, ok := errors.AsType[*proxyError](e.cause); ok {
		return proxy.Error()
	}
	if operation, ok := errors.AsType[*net.OpError](e.cause); ok {
		return operation.Error()
	}
	if lookup, ok := errors.AsType[*net.DNSError](e.cause); ok {
		return lookup.Error()
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](e.cause); ok {
		return certificate.Error()
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](e.cause); ok {
		return e.host + " does not speak TLS"
	}
	for _, known := range []error{io.ErrUnexpectedEOF, io.EOF, http.ErrSchemeMismatch, os.ErrDeadlineExceeded} {
		if errors.Is(e.cause, known) {
			return known.Error()
		}
	}
	if timeout, ok := errors.AsType[net.Error](e.cause); ok && timeout.Timeout() {
		return "no answer from " + e.host + " in time"
	}
	return ""
}

// unreachableBecause is an [ErrUnreachable] for an answer.
func unreachableBecause(reason string) error { return fmt.Errorf("%w: %s", ErrUnreachable, reason) }

// describe says who answered and how, such as "auth.example.org answers 502 Bad
// Gateway with text/html (Server: nginx)". Of the body there is nothing in it:
// it may repeat what was sent.
func describe(response *http.Response) string {
	text := response.Request.URL.Host + " answers " + statusText(response.StatusCode)
	if location, err := response.Location(); err == nil && location.Host != "" && response.StatusCode/100 == 3 {
		text += " to " + location.Scheme + "://" + location.Host
	}
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err == nil && harmless(kind) && kind != "application/json" {
		text += " with " + kind
	}
	var details []string
	if server := response.Header.Get("Server"); harmless(server) {
		details = append(details, "Server: "+server)
	}
	if id := requestID(response.Header); id != "" {
		details = append(details, "request "+id)
	}
	if len(details) == 0 {
		return text
	}
	return text + " (" + strings.Join(details, ", ") + ")"
}

// requestID is what the server's log calls the request.
func requestID(h http.Header) string {
	if id := h.Get("X-Request-Id"); harmless(id) {
		return id
	}
	return ""
}

// harmless reports whether text from a header is short and plain: it cannot be
// one of our secrets, which are longer, and it cannot steer a terminal.
func harmless(text string) bool {
	const longest = 40 // bytes
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:/+() "
	return text != "" && len(text) <= longest && strings.Trim(text, plain) == ""
}
