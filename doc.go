// Package dss signs the users of a desktop or command-line program in to the
// Stack Exchange API, through a DSS server, without a web server of the
// program's own.
//
// The common case is one call:
//
//	client, err := dss.New(dss.Config{
//		Server:   "https://auth.example.org",
//		ClientID: "12345", // of the app on Stack Apps
//		Scopes:   []string{"read_inbox"},
//	})
//	…
//	token, err := client.SignIn(ctx)
//
// It opens the browser, waits for the user and returns the access token.
// [Client.Start] and [SignIn.Wait] are the same in steps, for programs that
// show the address, the match code or the user code in their own way.
//
// There are four ways in. [FlowLoopback] listens on 127.0.0.1 and is the best
// where the browser runs on the same machine. [FlowRelay] fetches the answer
// from the server and needs no listener. [FlowDevice] is for machines without a
// browser. [FlowImplicit] is for apps with the flow Implicit on Stack Apps; the
// others need Authorization Code with PKCE. [FlowAuto] is FlowLoopback, with FlowDevice
// beside it where no browser comes to this machine; [Config.Prompt] shows both, and
// whichever ends first ends the other. In FlowLoopback and FlowRelay the client redeems the code at Stack Exchange
// itself, and the server never has the token, unless the server cannot hand codes on.
//
// A program should show its user the name of the account it has been signed in
// to, and keep the token where the system keeps passwords. A [TokenSource] keeps tokens in a
// [Storage], such as a [FileStorage], checks them, and signs users in again only when that is needed.
//
// [Client.Start] asks the server for its metadata, so that a wrong address fails
// before the user signs in. A server on this machine that has a
// sandbox says so, and a client without a StackExchange and an API of its own
// uses the sandbox. Connections may break or go silent: everything that can be
// repeated safely is repeated. If the token was lost on the way, the error is
// [ErrAnswerLost].
//
// Everything exported here stays compatible within a major version. The
// package depends on the standard library only. It starts no goroutine that
// outlives a call or [SignIn.Close], except those of net/http's connections
// and the one that waits for the command that opens the browser.
package dss
