package apps

import (
	"fmt"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/display"
)

// Unknown says what becomes of apps that are not listed.
type Unknown string

// What can become of them.
const (
	WarnUnknown   Unknown = "warn" // pages say so, and warn; the zero value is the same
	AllowUnknown  Unknown = "allow"
	RefuseUnknown Unknown = "refuse"
)

// UnknownOptions are the values of [Unknown], the default first.
const UnknownOptions = "warn|allow|refuse"

// Policy is what the operator wants. The zero value knows no app, and permits all.
type Policy struct {
	// List returns the list in force. It is nil if there is no list.
	List func() *List
	// Unknown says what becomes of apps that are not listed.
	Unknown Unknown
}

// Listing reports whether there is a list.
func (p Policy) Listing() bool { return p.List != nil }

// Icon returns the PNG of an app's icon; see [List.Icon].
func (p Policy) Icon(name string) (png []byte, ok bool) {
	if p.List == nil {
		return nil, false
	}
	return p.List().Icon(name)
}

// Warns reports whether pages warn of apps that are not listed.
func (p Policy) Warns() bool { return p.Unknown != AllowUnknown }

// ByClientID returns the app with a client id; nil if it is not listed. Zeros in
// front make no difference, since they may make none at Stack Exchange.
func (p Policy) ByClientID(id string) *App {
	if p.List == nil {
		return nil
	}
	return p.List().byClientID[strings.TrimLeft(id, "0")]
}

// ByAppID returns the app with an app id of the key relay; nil if it is not listed.
func (p Policy) ByAppID(id string) *App {
	if p.List == nil {
		return nil
	}
	return p.List().byAppID[id]
}

// Target finds a redirect URI in the entry of the app with a client id, exactly as it
// is written there.
func (p Policy) Target(clientID, redirectURI string) (Target, bool) {
	app := p.ByClientID(clientID)
	if app == nil {
		return Target{}, false
	}
	i := slices.IndexFunc(app.RedirectURIs, func(t Target) bool { return t.URI == redirectURI })
	if i < 0 {
		return Target{}, false
	}
	return app.RedirectURIs[i], true
}

// Refusal is the error of an app that may not do something.
type Refusal struct {
	Kind RefusalKind
	App  *App // nil if it is not listed
	Flow Flow // "" is none in particular

	message string
}

// RefusalKind says what is wrong, in a word for logs.
type RefusalKind string

// The kinds.
const (
	AppUnlisted RefusalKind = "app_unlisted"
	AppBlocked  RefusalKind = "app_blocked"
	AppFlow     RefusalKind = "app_flow"  // it may not use the flow
	AppScope    RefusalKind = "app_scope" // it may not ask for a scope
)

// Error says why, as a sentence.
func (r *Refusal) Error() string { return r.message }

// Permit returns a [*Refusal] if an app may not use a flow, or not ask for scopes
// there; app is nil if it is not listed. The flow "" is none in particular.
func (p Policy) Permit(app *App, flow Flow, scopes []string) error {
	switch {
	case app == nil && p.Listing() && p.Unknown == RefuseUnknown:
		return &Refusal{AppUnlisted, nil, flow,
			"this server is only for apps that its operator has listed, and this one is not"}
	case app == nil:
		return nil
	case app.Blocked != "":
		return &Refusal{AppBlocked, app, flow, "the operator of this server has blocked " + app.Name + ": " + app.Blocked}
	case flow != "" && app.Flows != nil && !slices.Contains(app.Flows, flow):
		return &Refusal{AppFlow, app, flow,
			"the operator of this server does not let " + app.Name + " sign users in by the " + flowNames[flow]}
	}
	if scope, beyond := app.beyond(scopes); beyond {
		return &Refusal{AppScope, app, flow, fmt.Sprintf("the operator of this server does not let %s ask for %s, %s",
			app.Name, display.Cut(display.Clean(scope), maxScopeShown), app.cap())}
	}
	return nil
}

var flowNames = map[Flow]string{FlowCode: "code grant", FlowDevice: "device grant", FlowRelay: "key relay"}

// maxScopeShown bounds what is quoted of a scope, in bytes.
const maxScopeShown = 100

// beyond returns a scope that the app may not ask for, if there is one.
func (app *App) beyond(scopes []string) (scope string, ok bool) {
	for _, scope := range scopes {
		name, _, _ := strings.Cut(scope, "|")
		if app.Scopes != nil && !slices.Contains(app.Scopes, scope) && !slices.Contains(app.Scopes, name) {
			return scope, true
		}
	}
	return "", false
}

// cap says what the app may ask for.
func (app *App) cap() string {
	if len(app.Scopes) == 0 {
		return "nor for any other scope"
	}
	return "only for " + strings.Join(app.Scopes, " ")
}
