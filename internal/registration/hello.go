package registration

import (
	"cmp"
	_ "embed"
	"fmt"
)

// The programs that greet a user, in Python and its standard library alone. Each
// begins with assignments that are added to it.
var (
	//go:embed hello/loopback.py
	helloLoopback string
	//go:embed hello/device.py
	helloDevice string
	//go:embed hello/name.py
	helloName string
)

// hello returns a program that signs a user in as the app would, and greets them by
// name; "" for an app that is not a program on a computer of its own.
func (c Choice) hello(flow FlowName, scope string) string {
	signIn := map[FlowName]string{Loopback: helloLoopback, Device: helloDevice}[flow]
	if signIn == "" {
		return ""
	}
	return fmt.Sprintf("SERVER = %q\nCLIENT_ID = %q\nSCOPE = %q\nME = %q\n\n%s%s",
		c.Server, cmp.Or(c.ClientID, clientIDHere), scope, c.me(), signIn, helloName)
}

// clientIDHere is in the place of a client ID that is not known.
const clientIDHere = "CLIENT_ID"

// me is where the API says who the user is. Only a Stack Exchange with several sites
// wants to know which.
func (c Choice) me() string {
	me := c.API.JoinPath("me")
	if !c.OneSite {
		me.RawQuery = "site=stackoverflow"
	}
	return me.String()
}
