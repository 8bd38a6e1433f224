// Package sandbox is an offline fake of Stack Exchange, served under
// /sandbox/: the consent pages of both grants, the token endpoints, the API
// methods on tokens and a few others, and the page of what the user has authorized.
// It is for trying DSS out, for tests, and for the authors of apps.
//
// It reproduces what is known of Stack Exchange, quirks included: fragments
// assembled by hand, three forms of errors, answers that are always compressed.
// What Stack Exchange does only at times is chosen with switches, which
// /sandbox/switches lists: there for all requests, or in the query of one.
//
// Apps of a list are registered right and wrong, and can be registered
// differently on their pages. Any other positive client ID is an app that is
// registered right. There is one user, and all that they grant lives in memory.
// Nothing here is a secret, and nothing leaves the process. Unless
// [Config.Remote] is set, only this machine is served.
package sandbox
