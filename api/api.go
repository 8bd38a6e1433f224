// Package api holds what goes over the wire between an app and DSS: paths,
// answers and error names. It has no behaviour, and both the server and the
// Go client build on it.
package api

import "time"

// Paths of the key relay.
const (
	PathRedirect = "/auth/redirect"
	PathToken    = "/auth/token"
)

// MaxWaitSeconds is the longest wait a claim may ask for.
const MaxWaitSeconds = 60

// TokenResponse answers a claim of an implicit-grant deposit.
type TokenResponse struct {
	AccessToken string `json:"access_token"`
}

// CodeResponse answers a claim of a code-grant deposit.
type CodeResponse struct {
	Code string `json:"code"`
}

// ErrorResponse is the body of every error of the key relay.
type ErrorResponse struct {
	Name    string `json:"error_name"`
	Message string `json:"error_message"`
	// URI is where the error is explained. What an app gets while it waits has none.
	URI string `json:"error_uri,omitempty"`
}

// Times that a server and its clients rely on.
const (
	// DefaultTTL is how long a sign-in may take, unless the server's operator
	// says otherwise.
	DefaultTTL = 15 * time.Minute
	// RetryWindow is how long an answer that may have been lost can be fetched
	// again: by the holder of a key's verifier, after its claim.
	RetryWindow = 60 * time.Second
	// AnswerTime bounds how long the server takes for an answer, not counting
	// the wait that a claim asks for.
	AnswerTime = 15 * time.Second
)
