package httpapi

import (
	"cmp"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/web"
	"github.com/desktop-stack-serv/dss/internal/web/text"
)

// postDeviceAuthorization serves POST /oauth/device_authorization (RFC 8628
// section 3.1).
func (s *Server) postDeviceAuthorization(w http.ResponseWriter, r *http.Request) error {
	form, from, err := oauthForm(w, r, "scope", "ui_locales")
	rec := recordOf(r.Context())
	if err == nil {
		err = require(from, form)
	}
	if err == nil {
		s.findApp(rec, from.id)
		err = s.limits.Exchange(rec.client, rec.factor())
	}
	if err != nil {
		return err
	}
	a, err := s.grants.AuthorizeDevice(r.Context(), from.id, form.get("scope"), recordOf(r.Context()).client)
	if err != nil {
		return err
	}
	page, code := s.config.PublicURL.String()+api.PathDevice, a.UserCode.String()
	language := cmp.Or(s.config.Languages.First(form.get("ui_locales")), s.accepted(r))
	message, err := s.deviceMessage(language, rec, page, code)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.DeviceAuthorization{
		DeviceCode: a.DeviceCode.Reveal(), UserCode: code,
		VerificationURI: page, VerificationURIComplete: page + "?user_code=" + code,
		ExpiresIn: int64(a.Expires.Seconds()), Interval: int64(oauth.Interval.Seconds()),
		Message: message,
	})
}

// deviceMessage is what a device may show.
func (s *Server) deviceMessage(language *text.Language, rec *record, page, code string) (string, error) {
	if rec.listed != nil {
		return language.Plain("device.message_named", "app", rec.listed.Name, "page", page, "code", code)
	}
	return language.Plain("device.message", "page", page, "code", code)
}

// getDevice serves GET /device: it asks for the code or, with one in the
// query, for the decision.
func (s *Server) getDevice(w http.ResponseWriter, r *http.Request) error {
	p, err := readParams("query", r.URL.RawQuery, "user_code")
	if p.get("user_code") != "" || err != nil {
		err = cmp.Or(navigates(r), err)
	}
	switch {
	case err != nil:
		return err
	case r.Host != s.config.PublicURL.Host:
		return s.toPublicHost(w, r)
	case p.get("user_code") == "":
		return s.devicePage(w, r, http.StatusOK, web.DeviceData{View: web.DeviceAsk})
	}
	return s.askDevice(w, r, p.get("user_code"))
}

// postDevice serves POST /device: a typed code, or the decision. Every page that a
// person gets has an address that can be reloaded and gone back to.
func (s *Server) postDevice(w http.ResponseWriter, r *http.Request) error {
	if err := s.sameOrigin(r); err != nil {
		return err
	}
	form, err := readForm(w, r, "user_code", "decision")
	if err != nil {
		return err
	}
	userCode, err := oauth.ParseUserCode(form.get("user_code"))
	if err != nil || form.get("decision") == "" {
		return s.seeUserCode(w, form.get("user_code"))
	}
	browser, keep := s.newcomer(w, r)
	target := s.deviceURL(web.EndDeclined, "")
	decide := func() error { return s.grants.Decline(r.Context(), userCode) }
	switch form.get("decision") {
	case "continue":
		decide = func() (err error) {
			target, err = s.grants.Continue(r.Context(), userCode, browser)
			return err
		}
	case "decline":
	default:
		return invalid("decision must be continue or decline")
	}
	err = s.tryUserCode(r, decide)
	switch {
	case errors.Is(err, oauth.ErrUnknown):
		recordOf(r.Context()).problem = api.UnknownSignIn
		// It was known when the page with the buttons was shown.
		return seeOther(w, s.deviceURL(web.EndOver, ""))
	case err != nil:
		return err
	}
	keep()
	return seeOther(w, target)
}

// seeUserCode redirects to the page about a code as it was typed.
func (s *Server) seeUserCode(w http.ResponseWriter, typed string) error {
	target := s.config.PublicURL.String() + api.PathDevice
	if code, err := oauth.ParseUserCode(typed); err == nil {
		typed = code.String()
	}
	if typed != "" {
		target += "?user_code=" + url.QueryEscape(strings.ToValidUTF8(typed[:min(len(typed), maxShown)], ""))
	}
	return seeOther(w, target+"#")
}

// maxShown bounds what is kept of a text that is not a user code, in bytes. It is
// longer than what a code is found in, so the rest cannot make one.
const maxShown = 300

// askDevice shows which app asks for what under a user code. A malformed code does
// not count as a guess.
func (s *Server) askDevice(w http.ResponseWriter, r *http.Request, typed string) error {
	userCode, err := oauth.ParseUserCode(typed)
	if err != nil {
		return s.askAgain(w, r, typed, err)
	}
	var request oauth.DeviceRequest
	err = s.tryUserCode(r, func() (err error) {
		request, err = s.grants.Find(r.Context(), userCode, s.whereabouts(r))
		return err
	})
	switch {
	case errors.Is(err, oauth.ErrUnknown):
		return s.askAgain(w, r, typed, err)
	case err != nil:
		return err
	}
	if r.Method == http.MethodGet && !prefetched(r) {
		// Two clicks on Continue are one browser, whose cookie is here by then.
		browser, keep := s.newcomer(w, r)
		browser(request.Flow)
		keep()
	}
	return s.devicePage(w, r, http.StatusOK, web.DeviceData{
		View: web.DeviceConfirm, UserCode: userCode.String(), Scopes: request.Scopes,
		App: s.appOnPage(recordOf(r.Context()).listed), ClientID: request.ClientID,
		Minutes: int(time.Since(request.Asked).Minutes()), Left: minutesUntil(request.Expires),
		Elsewhere: request.Elsewhere,
	})
}

// whereabouts is the address of a browser, for its network; zero if that may be a
// proxy's. Only a device could gain by naming somebody else, and its own address
// counts in any case.
func (s *Server) whereabouts(r *http.Request) netip.Addr {
	if s.config.TrustedProxies.NamesOther(r) {
		return netip.Addr{}
	}
	return recordOf(r.Context()).client
}

// askAgain says what is wrong with a code, which may come from a link.
func (s *Server) askAgain(w http.ResponseWriter, r *http.Request, typed string, err error) error {
	data := web.DeviceData{View: web.DeviceAsk, UserCode: display.Clean(typed), Unknown: true}
	if no, ok := errors.AsType[*oauth.NoUserCodeError](err); ok {
		data.Strange, data.Letters = no.Strange, no.Letters
	}
	recordOf(r.Context()).problem = api.UnknownSignIn
	return s.devicePage(w, r, http.StatusNotFound, data)
}

// devicePage shows a page whose form may end at Stack Exchange, or where that sends
// users to log in: Chromium applies form-action to every redirect after a form
// post.
func (s *Server) devicePage(w http.ResponseWriter, r *http.Request, status int, data web.DeviceData) error {
	w.Header().Set("Content-Security-Policy", s.signInPolicy)
	data.Host = s.upstream.BaseURL().Hostname()
	data.Sandbox = s.config.Sandbox != nil
	data.Life = int(s.config.TTL.Minutes())
	data.AuthorizedAppsURL = s.config.AuthorizedAppsURL
	return s.page(w, r, status, data)
}
