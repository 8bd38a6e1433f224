// Package registration knows how an app has to be registered on Stack Apps to
// sign its users in through DSS, and what is wrong if that fails. It knows no
// HTTP: pages and commands share it.
//
// [Advise] turns what the author wants into the values of Stack Apps' form.
// [Diagnose] turns what was seen of a sign-in into what to change there. Often
// Stack Exchange keeps the browser on a page of its own that says little, and
// several mistakes lead to the same page: then the findings are all the causes
// that the evidence leaves, the likeliest first.
//
// Its sentences are for authors of apps, and in English like Stack Apps itself.
package registration

import "net/url"

// FormURL is where applications are registered and changed.
const FormURL = "https://stackapps.com/applications"

// Platform is where an app runs.
type Platform string

// The platforms.
const (
	Desktop          Platform = "desktop"
	CommandLine      Platform = "command_line"
	Script           Platform = "script" // on a server, without a person beside it
	BrowserExtension Platform = "browser_extension"
	Mobile           Platform = "mobile"
)

// Platforms lists all platforms.
var Platforms = []Platform{Desktop, CommandLine, Script, BrowserExtension, Mobile}

// Need is something that an app needs beside the name of its user.
type Need string

// The needs.
const (
	Inbox    Need = "inbox"
	Write    Need = "write"
	Private  Need = "private"
	NoExpiry Need = "no_expiry"
)

// Needs lists all needs, each with the scope that it takes.
var Needs = []struct {
	Need  Need
	Scope string
}{
	{Inbox, "read_inbox"},
	{Write, scopeWrite},
	{Private, "private_info"},
	{NoExpiry, "no_expiry"},
}

const scopeWrite = "write_access"

// Choice is what the author of an app chooses, and where its users sign in.
type Choice struct {
	Platform Platform
	Needs    []Need
	ClientID string // "" before the app has one
	// Server is the public URL of the DSS server.
	Server *url.URL
	// OAuth says that the server has the OAuth endpoints; otherwise it has the
	// key relay alone.
	OAuth bool
	// StackExchange is where that server signs users in, and API is its API, with
	// the version.
	StackExchange, API *url.URL
	// OneSite says that this Stack Exchange is a single site, as Stack Internal is.
	OneSite bool
	// Way is how users sign in, one of [Ways]; "" for what suits the platform.
	Way FlowName
	// Language is that of the program; "" for the first of [Languages].
	Language Language
}

// Plan is what the author has to do.
type Plan struct {
	Form  []Step // of Stack Apps, in its order
	Flow  Flow
	Scope string   // the parameter, "" if the app needs none
	Also  []string // what else there is to know, a sentence or two each
	// Program has these values. Its Text is "" if the platform has no program, or the
	// language none for this way to sign in.
	Program Program
}

// Step is a part of Stack Apps' form.
type Step struct {
	Title  string
	Fields []Field
	Result string // what it leads to; may be ""
}

// Field is a field of a form, or a value for a program.
type Field struct {
	Name  string // in the form's own words
	Do    Do
	Value string // for Enter; an example for Own
	Why   string // may be ""
}

// Do is what to do with a field.
type Do string

// What there is to do.
const (
	Enter Do = "enter" // the value, exactly
	Own   Do = "own"   // words of the author's own
	Tick  Do = "tick"
	Leave Do = "leave" // empty, or not ticked
)

// Flow is how the app signs its users in, and the values that its code or its OAuth
// library needs for that.
type Flow struct {
	Name   FlowName
	Title  string
	Values []Field
}

// FlowName is one of DSS's ways to sign in.
type FlowName string

// The flows.
const (
	Loopback      FlowName = "loopback"       // code grant, the app listens on its machine
	PrivateScheme FlowName = "private_scheme" // code grant, the system opens the app
	Device        FlowName = "device"         // device grant
	Relay         FlowName = "relay"          // key relay
)
