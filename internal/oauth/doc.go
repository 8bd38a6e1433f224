// Package grant is the domain of the OAuth server in front of Stack Exchange:
// the authorization code grant for apps with a loopback or private-use
// redirect URI (RFC 6749 section 4.1, RFC 8252) and the device grant (RFC
// 8628). It knows no HTTP.
//
// Both are one [session] that waits in the store: sealed under a secret that
// is stored nowhere, and without the code verifier, which the app has. What is
// at rest cannot be turned into a token, and no token is ever stored.
package oauth
