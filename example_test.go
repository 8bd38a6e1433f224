package dss_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/desktop-stack-serv/dss"
)

// The common case: one call opens the browser, waits for the user and returns
// the token.
func ExampleClient_SignIn() {
	server := startExample() // a DSS server with a sandbox, for this example
	defer server.Close()

	client, err := dss.New(dss.Config{
		Server:        server.URL,           // such as https://auth.example.org
		StackExchange: server.StackExchange, // leave it out for the real one
		ClientID:      "12345",              // of the app on Stack Apps
		Scopes:        []string{"read_inbox"},
		Prompt:        server.User, // leave it out to open the user's browser
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	token, err := client.SignIn(ctx)
	switch {
	case errors.Is(err, dss.ErrAccessDenied):
		fmt.Println("You did not give access.")
		return
	case errors.Is(err, dss.ErrExpired), errors.Is(err, context.DeadlineExceeded):
		fmt.Println("That took too long.")
		return
	case err != nil:
		fmt.Println(err)
		return
	}

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.API+"/inbox", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	request.Header.Set("Authorization", "Bearer "+token.AccessToken.Reveal())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	fmt.Println("The inbox answers", response.Status)
	fmt.Println("The token prints as", token.AccessToken)
	// Output:
	// The inbox answers 200 OK
	// The token prints as [redacted]
}

// The browser comes back to a listener on this machine. In steps, a program
// can show what is going on.
func ExampleClient_Start_loopback() {
	server := startExample()
	defer server.Close()

	client, err := dss.New(dss.Config{
		Server: server.URL, StackExchange: server.StackExchange, ClientID: "12345",
		Scopes: []string{"read_inbox"}, Flow: dss.FlowLoopback,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	signIn, err := client.Start(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer signIn.Close()
	if err := server.OpenBrowser(signIn.URL); err != nil { // dss.OpenBrowser in a program
		fmt.Println("Please open", signIn.URL)
	}
	token, err := signIn.Wait(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("Signed in for", token.Scopes)
	// Output: Signed in for [read_inbox]
}

// No listener: the server keeps the answer until the program fetches it. The
// page in the browser shows the same match code as the program.
func ExampleClient_Start_relay() {
	server := startExample()
	defer server.Close()

	client, err := dss.New(dss.Config{
		Server: server.URL, StackExchange: server.StackExchange, ClientID: "12345",
		Scopes: []string{"read_inbox"}, Flow: dss.FlowRelay,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	signIn, err := client.Start(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer signIn.Close()
	fmt.Fprintln(server.Screen, "Is this on the page too?", signIn.MatchCode)
	if err := server.OpenBrowser(signIn.URL); err != nil { // dss.OpenBrowser in a program
		fmt.Println("Please open", signIn.URL)
	}
	token, err := signIn.Wait(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("Signed in for", token.Scopes)
	// Output: Signed in for [read_inbox]
}

// For an app with the flow Implicit on Stack Apps.
func ExampleClient_SignIn_implicit() {
	server := startExample()
	defer server.Close()

	client, err := dss.New(dss.Config{
		Server: server.URL, StackExchange: server.StackExchange, ClientID: "12345",
		Scopes: []string{"read_inbox", "no_expiry"}, Flow: dss.FlowImplicit,
		Prompt: func(signIn *dss.SignIn) error {
			fmt.Fprintln(server.Screen, "Is this on the page too?", signIn.MatchCode)
			return server.OpenBrowser(signIn.URL) // dss.OpenBrowser in a program
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := client.SignIn(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("Signed in for", token.Scopes)
	// Output: Signed in for [read_inbox no_expiry]
}

// For a machine without a browser: the user signs in on another one.
func ExampleClient_SignIn_device() {
	server := startExample()
	defer server.Close()

	client, err := dss.New(dss.Config{
		Server: server.URL, StackExchange: server.StackExchange, ClientID: "12345",
		Scopes: []string{"read_inbox"}, Flow: dss.FlowDevice,
		Prompt: func(signIn *dss.SignIn) error {
			fmt.Fprintf(server.Screen, "On any device, open %s and enter %s\n", signIn.VerificationURL, signIn.UserCode)
			return server.User(signIn) // return nil in a program
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := client.SignIn(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("Signed in for", token.Scopes)
	// Output: Signed in for [read_inbox]
}

// Users stay signed in when the program ends.
func ExampleTokenSource() {
	server := startExample()
	defer server.Close()
	folder, err := os.MkdirTemp("", "example") // in a program, a folder below os.UserConfigDir
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)

	client, err := dss.New(dss.Config{
		Server: server.URL, StackExchange: server.StackExchange, API: server.API, ClientID: "12345",
		Prompt: server.User,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	tokens := &dss.TokenSource{Client: client, Storage: dss.FileStorage(folder), SignIn: client.SignIn}
	for range 2 { // the user signs in once
		token, err := tokens.Token(context.Background())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("Signed in:", token.AccessToken.Reveal() != "")
	}
	accounts, err := dss.Accounts(tokens.Storage)
	fmt.Println("Accounts:", len(accounts), err)
	// Output:
	// Signed in: true
	// Signed in: true
	// Accounts: 1 <nil>
}

// Too many requests, and for how long.
func ExampleThrottledError() {
	var err error = &dss.ThrottledError{RetryAfter: 7 * time.Second}
	if throttled, ok := errors.AsType[*dss.ThrottledError](err); ok {
		fmt.Println("Try again in", throttled.RetryAfter)
	}
	fmt.Println(errors.Is(err, dss.ErrThrottled))
	// Output:
	// Try again in 7s
	// true
}

// example is what the examples stand on.
type example struct {
	URL, StackExchange, API string

	Screen io.Writer               // where the user reads
	User   func(*dss.SignIn) error // opens the address and approves
	Close  func()
}

// OpenBrowser is a browser with a willing user in front of it.
func (e example) OpenBrowser(address string) error { return e.User(&dss.SignIn{URL: address}) }
