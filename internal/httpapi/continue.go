package httpapi

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/apps"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// pathContinue is the page that asks before a code goes to a target: a redirect URI of
// the operator's list, which opens another program. It also says why a sign-in that
// came back from Stack Exchange may not go on. Its address holds a receipt, which is
// of no use without the browser's cookie.
const pathContinue = "/oauth/continue"

func (s *Server) continueURL(receipt string) string {
	return s.config.PublicURL.String() + pathContinue + "?sign_in=" + url.QueryEscape(receipt) + "#"
}

// isTarget reports whether a redirect URI is a target of a client.
func (s *Server) isTarget(clientID, redirectURI string) bool {
	_, ok := s.target(clientID, redirectURI)
	return ok
}

// target returns what a redirect URI opens: what the operator's list says, or the page
// of a server with a sandbox that plays an app, unless that is a loopback address.
func (s *Server) target(clientID, redirectURI string) (apps.Target, bool) {
	if s.config.Sandbox != nil && redirectURI == s.config.PublicURL.String()+pathTried && !s.isLoopback() {
		return apps.Target{URI: redirectURI, Kind: apps.LinkTarget, Host: s.config.PublicURL.Host}, true
	}
	return s.config.Apps.Target(clientID, redirectURI)
}

// getContinue serves GET /oauth/continue. It changes nothing.
func (s *Server) getContinue(w http.ResponseWriter, r *http.Request) error {
	p, err := readParams("query", r.URL.RawQuery, "sign_in")
	if err == nil {
		err = navigates(r)
	}
	if err != nil {
		return err
	}
	delivery, err := s.grants.FindDelivery(r.Context(), p.get("sign_in"), s.flowBrowser(r))
	if err != nil {
		return err
	}
	target, ok := s.target(delivery.ClientID, delivery.RedirectURI)
	view := continueViews[delivery.Progress]
	switch {
	case !ok: // since then
		return oauth.ErrInvalidRedirectURI
	case view == "":
		return oauth.ErrUnknown
	case view == web.ContinueAsk:
		// Browsers apply form-action to the redirect after a form post, too.
		w.Header().Set("Content-Security-Policy", strings.Replace(contentSecurityPolicy,
			"form-action 'self'", "form-action 'self' "+target.Source(), 1))
	}
	return s.page(w, r, http.StatusOK, web.ContinueData{
		View: view, Target: string(target.Kind), Editor: target.Editor, Extension: target.Extension, Host: target.Host,
		Receipt: p.get("sign_in"), Direct: delivery.Direct,
		Refusal: template.URL(delivery.Refusal), // to a target of the list
		App:     s.appOnPage(recordOf(r.Context()).listed), AuthorizedAppsURL: s.config.AuthorizedAppsURL,
	})
}

var continueViews = map[oauth.Progress]web.ContinueView{
	oauth.Waiting: web.ContinueAsk, oauth.PickedUp: web.ContinueDone, oauth.Unused: web.ContinueStopped,
	oauth.Undone: web.ContinueEnded, oauth.Unended: web.ContinueUnended,
}

// postContinue serves POST /oauth/continue: the decision.
func (s *Server) postContinue(w http.ResponseWriter, r *http.Request) error {
	if err := s.sameOrigin(r); err != nil {
		return err
	}
	form, err := readForm(w, r, "sign_in", "decision")
	if err != nil {
		return err
	}
	receipt, target := form.get("sign_in"), ""
	switch form.get("decision") {
	case "continue":
		target, err = s.grants.Deliver(r.Context(), receipt, s.flowBrowser(r))
	case "stop":
		_, err = s.grants.Stop(r.Context(), receipt, s.flowBrowser(r))
	default:
		return invalid("decision must be continue or stop")
	}
	switch {
	case err != nil && !errors.Is(err, oauth.ErrUnknown):
		return err
	case target == "":
		target = s.continueURL(receipt) // says how it stands
	}
	return seeOther(w, target)
}
