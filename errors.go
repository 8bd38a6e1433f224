package dss

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/display"
)

// Errors to distinguish with [errors.Is].
var (
	// ErrAccessDenied means that the user or Stack Exchange refused.
	ErrAccessDenied = errors.New("dss: access was denied")
	// ErrExpired means that the user took too long. Start again.
	ErrExpired = errors.New("dss: the sign-in has expired")
	// ErrConflict means that two different answers came for one sign-in, so
	// that neither can be trusted. Start again.
	ErrConflict = errors.New("dss: two different answers came for this sign-in")
	// ErrWrongServer means that [Config.Server] is not the address of a DSS
	// server, which is an [ErrUnreachable] too, or of one that calls itself
	// something else. Often the configuration has another name of the right
	// server, such as 127.0.0.1 for localhost. No code has been used.
	ErrWrongServer = errors.New("dss: the answer came from another server than the configured one")
	// ErrAnswerLost means that the user has signed in, but the answer with the
	// token did not arrive and cannot be fetched again. Start again.
	ErrAnswerLost = errors.New("dss: the answer with the token was lost on the way; start the sign-in again")
	// ErrUnreachable means that no answer came from the server, or from
	// Stack Exchange, for as long as the sign-in could wait.
	ErrUnreachable = errors.New("dss: the server cannot be reached")
	// ErrNoBrowser means that the browser on this machine cannot be opened. From a
	// [Config.Prompt], it does not end a sign-in in [FlowAuto].
	ErrNoBrowser = errors.New("dss: open the browser")
	// ErrThrottled means that there are too many requests.
	// [ThrottledError] says for how long.
	ErrThrottled = errors.New("dss: too many requests")
)

// ThrottledError is an [ErrThrottled] with the time to wait; zero if the server
// does not say.
type ThrottledError struct{ RetryAfter time.Duration }

// Error implements error.
func (e *ThrottledError) Error() string {
	if e.RetryAfter == 0 {
		return ErrThrottled.Error()
	}
	return fmt.Sprintf("%v; try again in %v", ErrThrottled, e.RetryAfter)
}

// Is makes a ThrottledError an [ErrThrottled].
func (e *ThrottledError) Is(target error) bool { return target == ErrThrottled }

// ConfigError is a field of [Config] that [New] does not accept.
type ConfigError struct {
	Field  string // such as Server
	Reason string // such as "must be https, unless it is on this machine"
}

// Error implements error.
func (e *ConfigError) Error() string { return "dss: " + e.Field + " " + e.Reason }

// Error is any other error that a server answers with. Its texts can be shown as
// they are: they have no control or format characters.
type Error struct {
	Status    int    // of HTTP
	Name      string // error_name of the relay, error of OAuth
	Message   string
	RequestID string // for the server's operator; empty if the answer has none
}

// newError cleans the texts, which the server or the author of a link has chosen.
func newError(status int, name, message, requestID string) *Error {
	return &Error{status, display.Clean(name), display.Clean(message), display.Clean(requestID)}
}

// Error implements error.
func (e *Error) Error() string {
	message := e.Message
	if message == "" {
		message = "the answer makes no sense"
		if e.Name != "" {
			message = "the server refuses"
		}
	}
	details := strings.TrimSpace(fmt.Sprint(e.Status, " ", e.Name))
	if e.RequestID != "" {
		details += ", request " + e.RequestID
	}
	return fmt.Sprintf("dss: %s (%s)", message, details)
}

// unreachable is an [ErrUnreachable] with its reason.
func unreachable(reason error) error { return fmt.Errorf("%w: %w", ErrUnreachable, reason) }

// unusable is an [ErrUnreachable] for an answer, such as that of a proxy.
func unusable(described string) error { return fmt.Errorf("%w: %s", ErrUnreachable, described) }

// kindsError has a text of its own and wraps several errors.
type kindsError struct {
	text  string
	kinds []error
}

// Error implements error.
func (e *kindsError) Error() string { return e.text }

// Unwrap returns the errors.
func (e *kindsError) Unwrap() []error { return e.kinds }

// answerLost is an [ErrAnswerLost] with its cause.
func answerLost(cause error) error { return fmt.Errorf("%w (%w)", ErrAnswerLost, cause) }
