package dss

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Errors that programs tell apart with [errors.Is].
var (
	// ErrAccessDenied means that the user, or Stack Exchange, said no.
	ErrAccessDenied = errors.New("dss: access was denied")
	// ErrExpired means that the user took too long. Start again.
	ErrExpired = errors.New("dss: the sign-in has expired")
	// ErrConflict means that two different answers came for one sign-in, so
	// that neither can be trusted. Start again.
	ErrConflict = errors.New("dss: two different answers came for this sign-in")
	// ErrWrongServer means that the answer came from a server that calls
	// itself something else than [Config.Server]. The code in it has not been
	// used. Often the configuration has another name of the right server,
	// such as 127.0.0.1 for localhost.
	ErrWrongServer = errors.New("dss: the answer came from another server than the configured one")
	// ErrUnreachable means that no answer came from the server, or from
	// Stack Exchange, for as long as the sign-in could wait.
	ErrUnreachable = errors.New("dss: the server cannot be reached")
	// ErrThrottled means that there are too many requests.
	// [ThrottledError] says for how long.
	ErrThrottled = errors.New("dss: too many requests")
)

// ThrottledError is an [ErrThrottled] with the time to wait; zero if the server
// does not say.
type ThrottledError struct{ RetryAfter time.Duration }

func (e *ThrottledError) Error() string {
	if e.RetryAfter == 0 {
		return ErrThrottled.Error()
	}
	return fmt.Sprintf("%v; try again in %v", ErrThrottled, e.RetryAfter)
}

// Is makes a ThrottledError an [ErrThrottled].
func (e *ThrottledError) Is(target error) bool { return target == ErrThrottled }

// Error is an answer that no other error stands for.
type Error struct {
	Status  int    // of HTTP
	Name    string // error_name of the relay, error of OAuth
	Message string
}

func (e *Error) Error() string {
	message := e.Message
	if message == "" {
		message = "the answer makes no sense"
		if e.Name != "" {
			message = "the server refuses"
		}
	}
	return fmt.Sprintf("dss: %s (%s)", message, strings.TrimSpace(fmt.Sprint(e.Status, " ", e.Name)))
}
