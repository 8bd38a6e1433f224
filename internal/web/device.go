package web

import (
	"cmp"
	"net/url"
	"slices"
)

// DeviceView is what the device page shows.
type DeviceView string

// The views of the device page. One that is not listed here asks for the code.
const (
	DeviceAsk     DeviceView = "ask"     // type the code that the device shows
	DeviceConfirm DeviceView = "confirm" // which app asks for what; Continue or Decline
)

// DeviceData is what the page for signing in on another device shows (RFC 8628
// section 3.3): the user types or compares the code that the device shows, sees
// which app asks for what, and continues to Stack Exchange or declines. Its scripts clean the address and hold the buttons back
// for a moment.
type DeviceData struct {
	Frame
	View              DeviceView
	UserCode          string   // XXXX-XXXX; for DeviceAsk what was typed, for DeviceConfirm the code that was found
	Unknown           bool     // DeviceAsk: no sign-in has the code that was typed
	Strange           string   // DeviceAsk: letters typed that no code has, if any
	Letters           int      // DeviceAsk: how many letters were typed, if that is what is wrong
	Life              int      // DeviceAsk: how many minutes a code lives
	App               App      // the one with the client ID
	ClientID          string   // the app's client ID on Stack Apps
	Scopes            []string // what is asked for, in Stack Exchange's words; may be empty
	Minutes           int      // full minutes since the device asked; 0 is less than a minute ago
	Left              int      // minutes until the sign-in ends
	Elsewhere         bool     // the device is on another network than the browser
	Host              string   // where Continue leads, such as stackoverflow.com
	Sandbox           bool     // that host is the sandbox, not Stack Exchange
	AuthorizedAppsURL string   // where the user revokes what an app may do
}

// Asked returns the scopes taken apart; see [scopesOf].
func (d DeviceData) Asked() []Scope { return scopesOf(d.Scopes) }

// NoFirst reports whether the way out is the first button.
func (d DeviceData) NoFirst() bool { return slices.ContainsFunc(d.Asked(), Scope.strong) }

// Address is what the page's script leaves in the address bar: a code stays, so
// that a reload shows the same; "" is the page's own path.
func (d DeviceData) Address() string {
	if d.UserCode == "" {
		return ""
	}
	return "/device?user_code=" + url.QueryEscape(d.UserCode)
}

func (DeviceData) template() string { return "device.html" }

func (d DeviceData) in(f Frame) Page {
	d.Frame = f
	d.Path = cmp.Or(d.Address(), d.Path)
	return d
}
