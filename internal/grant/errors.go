package grant

import "errors"

// What an app may be told at the token endpoint.
var (
	// ErrInvalidGrant means that a code is unknown, used, of another client
	// or redirect URI, or that its verifier does not fit.
	ErrInvalidGrant = errors.New("the code is unknown, used or belongs to another client, redirect URI or verifier")
	// ErrPending means that the user is not done yet.
	ErrPending = errors.New("the user is not done yet")
	// ErrSlowDown means that a device polls too often, or that Stack
	// Exchange cannot be reached: the grant stays usable.
	ErrSlowDown = errors.New("poll again, but less often")
	// ErrExpired means that the time for a device grant is over.
	ErrExpired = errors.New("the device code has expired; start again")
	// ErrDenied means that the user, or Stack Exchange, said no.
	ErrDenied = errors.New("access was denied")
	// ErrUnavailable means that the grant stays usable: try again.
	ErrUnavailable = errors.New("no answer from Stack Exchange; try again")
)

// What an app may be told when it asks for authorization.
var (
	ErrInvalidClient      = errors.New("client_id must be the app's number on Stack Apps")
	ErrInvalidState       = errors.New("state is longer than 4096 bytes")
	ErrInvalidScope       = errors.New("scope must be names separated by spaces or commas")
	ErrInvalidChallenge   = errors.New("code_challenge must be the 43 characters of an unpadded base64url SHA-256")
	ErrInvalidRedirectURI = errors.New("redirect_uri is not acceptable")
)

// What a user may be told.
var (
	// ErrUnknown means that there is no such sign-in, or that it is over.
	ErrUnknown = errors.New("there is no such sign-in, or it is over")
	// ErrWrongBrowser means that the sign-in was started in another browser.
	ErrWrongBrowser = errors.New("the sign-in was started in another browser")
)

var errContended = errors.New("session kept changing")
