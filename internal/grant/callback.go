package grant

import (
	"context"
	"slices"

	"github.com/desktop-stack-serv/dss/internal/relay"
)

// Answer is what Stack Exchange sends the browser back with: a code, or an
// error (RFC 6749 section 4.1.2).
type Answer struct {
	Code               string
	Error, Description string
}

// Outcome is what the browser sees at the end of its part.
type Outcome struct {
	Redirect string // where to send it; "" for a device
	Approved bool   // for a device: the user may go back to it
}

// Callback ends the browser's part of a sign-in. Errors are [ErrUnknown],
// [ErrWrongBrowser], which change nothing, and the store's.
func (s *Service) Callback(ctx context.Context, state string, answer Answer, browser relay.Secret) (Outcome, error) {
	for range maxAttempts {
		rec, ok, err := s.session(ctx, state)
		switch {
		case err != nil || !ok:
			return Outcome{}, orUnknown(err)
		case !rec.value.startedBy(browser):
			return Outcome{}, ErrWrongBrowser
		case !rec.value.device():
			redirect, err := s.toApp(ctx, rec, answer)
			return Outcome{Redirect: redirect}, err
		case rec.value.Status != pending:
			return repeated(rec.value, answer)
		}
		if done, err := s.conclude(ctx, rec, answer); err != nil || done {
			return Outcome{Approved: answer.Code != ""}, err
		}
	}
	return Outcome{}, errContended
}

// repeated shows the same page again when the user reloads it.
func repeated(sess session, answer Answer) (Outcome, error) {
	switch {
	case sess.Status == denied && answer.Code == "":
		return Outcome{}, nil
	case sess.Status != denied && sess.Status != spent && sess.Code == answer.Code && answer.Code != "":
		return Outcome{Approved: true}, nil
	}
	return Outcome{}, ErrUnknown
}

// errorNames are those that RFC 6749 section 4.1.2.1 lets go to an app.
var errorNames = []string{
	"invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope",
	"server_error", "temporarily_unavailable",
}

func (a Answer) errorName() string {
	if slices.Contains(errorNames, a.Error) {
		return a.Error
	}
	return "server_error"
}

func (a Answer) step() Step {
	if a.Code == "" {
		return Declined
	}
	return Approved
}

// reason is the description as it may go on: tidied and cut.
func (a Answer) reason() string {
	if description := relay.NewRefusal(a.Error, a.Description).Description; description != "" {
		return description
	}
	return "the user or Stack Exchange refused access"
}
