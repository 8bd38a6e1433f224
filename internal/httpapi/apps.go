package httpapi

import (
	"context"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/apps"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// What the operator's list of apps says is enforced in two places: by permit for
// the OAuth server, which calls it at each step of a sign-in, and by permitRelay for
// the key relay.

// permit returns an error if an app may not go on at the OAuth server. A trial is
// of no flow: it shows how an app is registered.
func (s *Server) permit(ctx context.Context, clientID string, grant oauth.Grant, scopes []string) error {
	return s.config.Apps.Permit(s.findApp(recordOf(ctx), clientID), flows[grant], scopes)
}

var flows = map[oauth.Grant]apps.Flow{
	oauth.CodeGrant: apps.FlowCode, oauth.DirectGrant: apps.FlowCode, oauth.DeviceGrant: apps.FlowDevice,
}

// permitRelay returns an error if the app of a key space may not use the relay.
func (s *Server) permitRelay(rec *record, space relay.KeySpace) error {
	rec.listed, rec.named = s.config.Apps.ByAppID(string(space)), s.config.Apps.Listing()
	rec.space = space
	return s.config.Apps.Permit(rec.listed, apps.FlowRelay, nil)
}

// findApp finds the app with a client id, and records it.
func (s *Server) findApp(rec *record, clientID string) *apps.App {
	rec.listed, rec.named = s.config.Apps.ByClientID(clientID), s.config.Apps.Listing()
	return rec.listed
}

// appName is how logs and metrics call the app of the request: by its name in the
// list. It is "" without a list, and if the request is of no app.
func (rec *record) appName() string {
	switch {
	case rec.listed != nil:
		return rec.listed.Name
	case rec.named:
		return apps.Unlisted
	}
	return ""
}

// factor multiplies the limits of a client, for the app of the request.
func (rec *record) factor() float64 {
	if rec.listed == nil {
		return 1
	}
	return rec.listed.Limits
}

// refused is the problem of an app that may not go on.
func refused(r *apps.Refusal) *problem {
	p := &problem{name: api.UnauthorizedClient, detail: r.Error(), refusal: r}
	switch {
	case r.Kind == apps.AppScope:
		p.name = api.InvalidScope
	case r.Flow == apps.FlowRelay:
		p.name = api.AccessDenied
	}
	return p
}

// appOnPage is what pages show of an app, which is nil if it is not listed.
func (s *Server) appOnPage(app *apps.App) web.App {
	if app == nil {
		return web.App{Warn: s.config.Apps.Warns()}
	}
	shown := web.App{
		Name: app.Name, Author: app.Author, Homepage: app.Homepage, Post: app.Post, ShowsCode: app.ShowsCode,
	}
	if app.Icon != "" {
		shown.Icon = assetPath + app.Icon
	}
	return shown
}

// assetPath is where assets and icons are.
const assetPath = "/assets/"

// explainRefusal has a problem page say which app was refused, and why. On the
// relay, its address is that of the app without what Stack Exchange has sent.
func (s *Server) explainRefusal(rec *record, refusal *apps.Refusal, data *web.ProblemData) {
	data.App = s.appOnPage(refusal.App)
	data.App.Claimed = refusal.Flow == apps.FlowRelay
	if refusal.App != nil {
		data.Reason = refusal.App.Blocked
	}
	if data.Address != "" && refusal.Flow == apps.FlowRelay {
		data.Address = api.PathRedirect
		if rec.space != relay.DefaultKeySpace {
			data.Address += "/" + string(rec.space)
		}
	}
}
