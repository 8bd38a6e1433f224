// Package apps is the operator's list of apps: who they are, and what they may.
//
// A [List] is made from a TOML file ([Parse]) and never changes. A [File] follows
// the file and has the list in force. A [Policy] decides by that list whether an
// app may sign users in.
//
// An app is known by its client id on Stack Apps, which Stack Exchange checks, or
// by its app id at the key relay, which anyone can write into a link. Names on
// pages come from this list only, so it takes no name that could be mistaken for
// another (name.go).
package apps

import "maps"

// App is an entry of the list.
type App struct {
	ClientID string // on Stack Apps; "" if it has none
	AppID    string // at the key relay; "" if it has none
	Name     string
	Author   string
	Homepage string // an https URL
	Post     string // on Stack Apps, an https URL
	Icon     string // for [List.Icon]; "" if it has none

	// ShowsCode says that the app shows the match code.
	ShowsCode bool
	// Flows are those that the app may use; nil allows all.
	Flows []Flow
	// Scopes are those that the app may ask for; nil allows all.
	Scopes []string
	// RedirectURIs are those beyond the ones that every app may use.
	RedirectURIs []Target
	// Limits is the factor by which the limits of a client are multiplied.
	Limits float64
	// Blocked is the reason why the app is blocked; "" if it is not.
	Blocked string
}

// Flow is a way in which an app signs users in.
type Flow string

// The flows.
const (
	FlowCode   Flow = "code"   // the code grant, at /oauth/authorize
	FlowDevice Flow = "device" // the device grant
	FlowRelay  Flow = "relay"  // the key relay
)

// Unlisted stands for the name of an app that is not listed, in metrics and logs.
const Unlisted = "unlisted"

// List is what a file says of apps. It is immutable.
type List struct {
	apps       []App // in the order of the file
	byClientID map[string]*App
	byAppID    map[string]*App
	icons      map[string][]byte // PNGs, by the names of [App.Icon]
}

// All returns the apps in the order of the file. They must not be changed.
func (l *List) All() []App { return l.apps }

// Blocked returns how many apps are blocked.
func (l *List) Blocked() (n int) {
	for _, app := range l.apps {
		if app.Blocked != "" {
			n++
		}
	}
	return n
}

// Icon returns the PNG with the name of an [App.Icon], which changes with its
// content. It must not be changed.
func (l *List) Icon(name string) (png []byte, ok bool) {
	png, ok = l.icons[name]
	return png, ok
}

// Names returns the names of all apps, as a set.
func (l *List) Names() map[string]bool {
	names := make(map[string]bool, len(l.apps))
	for _, app := range l.apps {
		names[app.Name] = true
	}
	return names
}

// index makes the maps.
func (l *List) index() {
	l.byClientID, l.byAppID = make(map[string]*App, len(l.apps)), make(map[string]*App, len(l.apps))
	for i := range l.apps {
		app := &l.apps[i]
		if app.ClientID != "" {
			l.byClientID[app.ClientID] = app
		}
		if app.AppID != "" {
			l.byAppID[app.AppID] = app
		}
	}
}

// newList returns an empty list with the icons of another, which may be nil.
func newList(before *List) *List {
	l := &List{icons: map[string][]byte{}}
	if before != nil {
		l.icons = maps.Clone(before.icons)
	}
	return l
}
