package web

import "time"

// StatusData is what the page about the state of the server shows. It has no figures
// that tell an attacker how close the server is to its limits.
type StatusData struct {
	scriptless
	Broken        bool      // the store does not work
	Since         time.Time // when that was first seen to be so
	Now           time.Time
	Stopping      bool   // the server shuts down
	Paused        bool   // Stack Exchange wants no calls for now
	StackExchange string // the host where users sign in
	Checks        bool   // it is checked daily
	Known         bool   // there was a check
	Holds         bool   // Stack Exchange was as expected
	Checked       time.Time
}

func (StatusData) siteTemplate() string { return "status.html" }

// PrivacyData is what the page about privacy shows. All of it follows from the
// settings of the server.
type PrivacyData struct {
	scriptless
	Operator          string // "" if they do not say
	Contact           string // a URL; "" if they do not say
	Store             string // where sign-ins wait
	TTL               string // how long
	OAuth             bool   // the server has the OAuth endpoints
	Hashes            bool   // the log has keyed hashes of addresses and of what a line is about
	LogFields         []string
	Limits            bool // clients are limited, by their addresses
	Proxies           bool // addresses come from a proxy
	AsksFirst         bool // the relay asks before it hands over
	Listed            bool // there is a list of apps
	StackExchange     string
	Sandbox           bool
	AuthorizedAppsURL string
}

func (PrivacyData) siteTemplate() string { return "privacy.html" }
