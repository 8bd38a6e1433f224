package oauth

import "errors"

// Errors for an app at the token endpoint.
var (
	// ErrInvalidGrant means that a code is unknown, expired, used, of another
	// client or redirect URI, or that its verifier does not fit. Such errors
	// are [*CodeError]s.
	ErrInvalidGrant = errors.New("invalid code")
	// ErrPending means that the user has not decided yet.
	ErrPending = errors.New("authorization pending")
	// ErrSlowDown means that a device polls too often, or that Stack
	// Exchange cannot be reached: the grant stays usable.
	ErrSlowDown = errors.New("polled too often")
	// ErrExpired means that the time for a device grant is over.
	ErrExpired = errors.New("device code expired")
	// ErrDenied means that the user or Stack Exchange has refused.
	ErrDenied = errors.New("access denied")
	// ErrUnavailable means that the grant stays usable: try again.
	ErrUnavailable = errors.New("no answer from Stack Exchange; try again")
)

// CodeError is an [ErrInvalidGrant] that says what is wrong with a code. Only a
// caller that has the code learns more than that it is unknown.
type CodeError struct {
	// Reason is a word for the log, such as used_code.
	Reason  string
	message string
}

// Error returns what is wrong, as a sentence.
func (e *CodeError) Error() string { return e.message }

// Is reports whether target is [ErrInvalidGrant].
func (e *CodeError) Is(target error) bool { return target == ErrInvalidGrant }

var (
	errUnknownCode      = &CodeError{"unknown_code", "the code is unknown to this server"}
	errExpiredCode      = &CodeError{"expired_code", "the code has expired; start again"}
	errUsedCode         = &CodeError{"used_code", "the code has been used; start again"}
	errRefusedCode      = &CodeError{"refused_code", "Stack Exchange did not accept the user's approval; start again"}
	errStoppedCode      = &CodeError{"stopped_code", "the user stopped the sign-in"}
	errLostAnswer       = &CodeError{"lost_answer", "the answer of Stack Exchange to an earlier try was lost; start again"}
	errOtherClient      = &CodeError{"other_client", "the code was issued to another client_id"}
	errOtherRedirectURI = &CodeError{"other_redirect_uri", "redirect_uri is not the one of the authorization request"}
	errWrongVerifier    = &CodeError{"wrong_verifier", "code_verifier does not fit the code_challenge"}
	errUnknownDevice    = &CodeError{"unknown_device_code", "the device_code is unknown to this server, or revoked; start again"}
)

// Errors for an app that asks for authorization.
var (
	ErrInvalidClient      = errors.New("invalid client_id")
	ErrInvalidState       = errors.New("state is longer than 4096 bytes")
	ErrInvalidScope       = errors.New("invalid scope")
	ErrInvalidChallenge   = errors.New("code_challenge must be the 43 characters of an unpadded base64url SHA-256")
	ErrInvalidEnd         = errors.New("dss_end must be the 43 characters of an unpadded base64url SHA-256")
	ErrInvalidRedirectURI = errors.New("redirect_uri is not acceptable")
)

// Errors for a user.
var (
	// ErrUnknown means that there is no such sign-in, or that it is over.
	ErrUnknown = errors.New("unknown sign-in")
	// ErrWrongBrowser means that the sign-in was started in another browser.
	ErrWrongBrowser = errors.New("another browser")
)
