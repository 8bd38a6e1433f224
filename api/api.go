// Package api holds what goes over the wire between an app and DSS: paths,
// answers and error names. It has no behaviour, and both the server and the
// Go client build on it.
package api

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
}
