// Package sandbox is an offline fake of Stack Exchange, served under
// /sandbox/: the consent pages of both grants, the token endpoints, and the API
// methods on tokens. It is for trying DSS out, for tests, and for the authors
// of apps.
//
// It reproduces what is known of Stack Exchange, quirks included: fragments
// assembled by hand, nested errors, answers that are always compressed. What
// Stack Exchange does only at times can be asked for by the query of a consent
// page, with the switches that /sandbox/ lists.
//
// Any positive client id is an app, there is one user, and every token
// lives in memory. Nothing here is a secret, and nothing leaves the
// process. Unless [Config.Remote] is set, only this machine is served.
package sandbox
