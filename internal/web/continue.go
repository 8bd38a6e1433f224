package web

import (
	"html/template"
	"net/url"
)

// ContinueView is what the page shows that asks before a code goes to an app.
type ContinueView string

// The views.
const (
	ContinueAsk     ContinueView = "ask"     // go on, or say that you did not start this
	ContinueDone    ContinueView = "done"    // the app has its token
	ContinueStopped ContinueView = "stopped" // the user stopped it, and nobody used the code
	ContinueEnded   ContinueView = "ended"   // the same, and the access has been ended
	ContinueUnended ContinueView = "unended" // the same, and the access may not have ended
)

// ContinueData is what that page shows: which app, and what the browser opens for it.
// Only apps of the operator's list come here, so the app has a name.
type ContinueData struct {
	Frame
	View              ContinueView
	App               App
	Target            string       // what the browser opens: "editor", "extension" (of the browser) or "link"
	Editor            string       // the editor's name
	Extension         string       // what the editor or browser hands the code to
	Host              string       // of a link
	Receipt           string       // what the form sends back
	Direct            bool         // whether the app has redeemed a code is not seen here
	Refusal           template.URL // where the app learns that the user stopped it; "" unless they did
	AuthorizedAppsURL string       // where the user revokes what an app may do
}

// Address is what the page's script leaves in the address bar, so that a reload shows
// how it stands.
func (d ContinueData) Address() string {
	return "/oauth/continue?sign_in=" + url.QueryEscape(d.Receipt)
}

func (ContinueData) template() string  { return "continue.html" }
func (d ContinueData) in(f Frame) Page { d.Frame = f; return d }
