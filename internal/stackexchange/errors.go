package stackexchange

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

// ErrUnavailable means that Stack Exchange gave no usable answer: it cannot be
// reached, is too slow, fails, redirects, talks nonsense, or asked for a pause;
// or too many calls wait for their turn. If the context ended, errors wrap its error
// too.
var ErrUnavailable = errors.New("stack exchange is unavailable")

// ErrUnsent is an [ErrUnavailable] for which nothing was sent.
var ErrUnsent = unavailable("nothing was sent")

// errBusy means that too many calls wait for their turn.
var errBusy = fmt.Errorf("too many calls wait: %w", ErrUnsent)

// PausedError is an [ErrUnsent], because Stack Exchange had asked for a pause.
type PausedError struct {
	// Left is how much longer it lasts.
	Left time.Duration
}

// Error implements error.
func (e *PausedError) Error() string { return "it asked for a pause: " + ErrUnsent.Error() }

// Unwrap returns [ErrUnsent].
func (e *PausedError) Unwrap() error { return ErrUnsent }

// RefusedError is a no from Stack Exchange. It holds at most 200 bytes of
// printable ASCII in each field, and no secret that was sent.
type RefusedError struct {
	// Type is such as invalid_request.
	Type string
	// Message is for people.
	Message string
}

// Error returns at most 200 bytes of printable ASCII.
func (e *RefusedError) Error() string {
	return cut(printable("refused by stack exchange: " + e.Type + ": " + e.Message))
}

func isRefused(err error) bool {
	_, ok := errors.AsType[*RefusedError](err)
	return ok
}

const maxText = 200 // bytes

// clean makes the text of others fit for an error. The cut comes last, or it
// could leave half of a secret.
func clean(text string, secrets []secret.Text) string { return cut(secret.Redact(printable(text), secrets...)) }

func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text)
}

func cut(text string) string { return text[:min(len(text), maxText)] }

func refused(kind, message string, secrets []secret.Text) error {
	return &RefusedError{Type: clean(kind, secrets), Message: clean(message, secrets)}
}

// unavailable takes a reason that holds nothing from upstream.
func unavailable(reason string) error { return fmt.Errorf("%s: %w", reason, ErrUnavailable) }

// failure turns err into an ErrUnavailable and keeps none of what it wraps.
func failure(ctx context.Context, err error, secrets []secret.Text) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%w: %w", ended, ErrUnavailable)
	}
	if text := notConnected(err, secrets); text != "" {
		return fmt.Errorf("%s: %w", text, ErrUnsent)
	}
	return unavailable(reason(err, secrets))
}

// notConnected is the reason why there was no connection to send anything
// over; "" if there was one.
func notConnected(err error, secrets []secret.Text) string {
	if network, ok := errors.AsType[*net.OpError](err); ok && network.Op == "dial" {
		return clean(network.Error(), secrets)
	}
	if untrusted, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return clean(untrusted.Error(), secrets)
	}
	return ""
}

// reason lets through only what the network says. A *url.Error quotes
// the URL, and the errors of HTTP quote the answer, which may be a new token.
func reason(err error, secrets []secret.Text) string {
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return clean(network.Error(), secrets)
	}
	return "no usable answer"
}
