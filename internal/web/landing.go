package web

import (
	"cmp"

	"github.com/desktop-stack-serv/dss/api"
)

// View is the section that the landing page shows first.
type View string

// The views of the landing page.
const (
	ViewFragment View = "fragment" // no response in the query: the script reads the fragment
	ViewConfirm  View = "confirm"  // a token or code came: ask before it is deposited
	ViewRefusal  View = "refusal"  // the user sends a refusal on to the app
)

// Field is a hidden field of a form, named as in docs/api.md.
type Field struct{ Name, Value string }

// LandingData is what the page at the redirect URI shows: it asks before an
// authorization response is handed to an app.
type LandingData struct {
	Frame
	View              View
	App               App      // as it calls itself
	AppID             string   // which whoever made the link has chosen; "" if there is none
	MatchCode         string   // XXX-XXX; for ViewFragment the script computes it
	Action            string   // path that the forms post to, and that the script leaves in the address bar
	Fields            []Field  // the authorization response, for ViewConfirm and ViewRefusal
	Error             string   // of Stack Exchange, for ViewRefusal
	Scopes            []string // what Stack Exchange says that the user has allowed; nil if it does not say
	Minutes           int      // that the app has to pick the response up
	Auto              bool     // the script deposits at once, without asking
	AuthorizedAppsURL string   // where the user revokes what an app may do
}

// Shows reports whether the server shows the section called name. Exactly one
// section is shown; the script works through the fragment behind "working".
func (d LandingData) Shows(name string) bool {
	if d.View == ViewFragment {
		return name == "working"
	}
	return name == string(d.View)
}

// Allowed returns the scopes taken apart; see [scopesOf].
func (d LandingData) Allowed() []Scope { return scopesOf(d.Scopes) }

// Known are the scopes that a fragment may name, which the script shows.
func (d LandingData) Known() []Scope {
	if d.View != ViewFragment {
		return nil
	}
	return knownScopes()
}

// FieldsFor returns the hidden fields of the form in section.
func (d LandingData) FieldsFor(section View) []Field {
	if d.View != section {
		return nil
	}
	return d.Fields
}

// Mistake is what the script may find, and what the author of the app is told about
// it: an error of [api.Errors], by which docs/errors.md explains it, and a sentence.
type Mistake struct{ Name, Error, Message string }

// Mistakes are what the script may find.
func (LandingData) Mistakes() []Mistake {
	return []Mistake{
		{"framed", api.CrossOrigin, "the page of the redirect URI was in a frame"},
		{"malformed", api.InvalidRequest, "the fragment holds no single access_token, code or error, or cannot be decoded"},
		{"no_state", api.NoKey, "the fragment has no state: the app must send its key as state"},
	}
}

func (LandingData) template() string { return "landing.html" }

func (d LandingData) in(f Frame) Page {
	d.Frame = f
	d.Path = cmp.Or(d.Action, api.PathRedirect) // its query may hold the response
	switch d.View {
	case ViewFragment, ViewConfirm, ViewRefusal:
		d.Form, d.Scripted = responseForm, d.View == ViewFragment
	}
	return d
}

// responseForm is the id of the form that holds the response, if there is one.
const responseForm = "response"

// FormID is the id of the form in section.
func (d LandingData) FormID(section View) string {
	if d.View == section || d.View == ViewFragment && section == ViewConfirm {
		return responseForm
	}
	return string(section)
}
