package stackexchange

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/fetch"
)

// ErrUnavailable means that there is no usable answer: Stack Exchange cannot be
// reached, is too slow, fails, redirects or asked for a pause, or too many calls
// wait for their turn. If the context ended, errors wrap its error too.
var ErrUnavailable = errors.New("stack exchange is unavailable")

// ErrUnsent is an [ErrUnavailable] for which nothing was sent.
var ErrUnsent = fmt.Errorf("nothing was sent: %w", ErrUnavailable)

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

// AnswerError is an [ErrUnavailable]: there was an answer, but not a usable one.
type AnswerError struct {
	// Status is that of HTTP, or 429 if the API says throttle_violation.
	Status int
	// RetryAfter is the pause that Stack Exchange asks for, or how long a quota is
	// used up; 0 if it does not say so.
	RetryAfter time.Duration
	// Text describes the answer.
	Text string
}

// Error implements error.
func (e *AnswerError) Error() string { return e.Text + ": " + ErrUnavailable.Error() }

// Unwrap returns [ErrUnavailable].
func (e *AnswerError) Unwrap() error { return ErrUnavailable }

// RefusedError is a refusal by Stack Exchange. It holds at most 200 bytes of
// printable ASCII in each field, and no secret that was sent.
type RefusedError struct {
	// Status is that of HTTP, or the error_id of the API.
	Status int
	// Type is a name such as invalid_request.
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

func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text)
}

func cut(text string) string { return text[:min(len(text), maxText)] }

// failure turns an error of package fetch into an ErrUnavailable and keeps none
// of what it wraps.
func failure(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%w: %w", ended, ErrUnavailable)
	}
	broken, ok := errors.AsType[*fetch.Error](err)
	if !ok { // no request
		return ErrUnsent
	}
	kind := ErrUnavailable
	if !broken.Sent {
		kind = ErrUnsent
	}
	return fmt.Errorf("%w: %w", &fetch.Error{Reason: broken.Reason, Sent: broken.Sent}, kind)
}
