package web

import (
	"slices"

	"github.com/desktop-stack-serv/dss/api"
)

// Refusal is what a page says if Stack Exchange answers with an error in place of a
// code or a token.
type Refusal struct {
	View   EndView
	Errors []string // RFC 6749 section 4.1.2.1; none stands for all others
	App    App
}

// refusals are all kinds. Users say no with access_denied, and with nothing else. The
// last kind is for what Stack Exchange does not accept of the app.
var refusals = []Refusal{
	{View: EndRefused, Errors: []string{api.AccessDenied}},
	{View: EndTrouble, Errors: []string{api.ServerError, api.TemporarilyUnavailable}},
	{View: EndTurnedAway},
}

// RefusalView returns what the page about the end says of an error.
func RefusalView(name string) EndView {
	for _, kind := range refusals {
		if slices.Contains(kind.Errors, name) {
			return kind.View
		}
	}
	return EndTurnedAway
}

// Refusals are those that the page has words for: the one that came or, in a page
// whose script reads the fragment, all.
func (d LandingData) Refusals() (list []Refusal) {
	for _, kind := range refusals {
		if d.View == ViewFragment || kind.View == RefusalView(d.Error) {
			kind.App = d.App
			list = append(list, kind)
		}
	}
	return list
}
