// Package dsstest has what a program that signs its users in through DSS needs
// for its own tests: a DSS server, a fake Stack Exchange and a scripted user,
// all in the test's process.
//
//	func TestSignIn(t *testing.T) {
//		server := dsstest.Start(t, dsstest.Options{})
//		config := server.Config()
//		config.Prompt = server.User(dsstest.Dawdles)
//		client, err := dss.New(config)
//		…
//		token, err := client.SignIn(t.Context())
//	}
//
// Networks and servers misbehave, so the server does so too, by default: it
// refuses, restarts, throttles and loses answers, the same way in every run
// with the same seed. Whatever it does, a program that follows the rules gets
// its answer. A test that names a fault fails where that cannot strike.
//
// [Scenarios] are for a client of your own, in any language: sign-ins of which it is
// known how each has to end.
//
// The fake Stack Exchange follows the rules of 2026: it takes a token as
// Authorization: Bearer, not in the query. Of the answers that Stack Exchange has
// been seen to give, it prefers those that are easily overlooked.
package dsstest
