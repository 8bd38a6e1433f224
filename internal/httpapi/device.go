package httpapi

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// postDeviceAuthorization serves POST /oauth/device_authorization (RFC 8628
// section 3.1).
func (s *Server) postDeviceAuthorization(w http.ResponseWriter, r *http.Request) {
	a, err := s.authorizeDevice(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	page := s.config.PublicURL.String() + api.PathDevice
	_ = writeJSON(w, http.StatusOK, api.DeviceAuthorization{
		DeviceCode: a.DeviceCode.Reveal(), UserCode: a.UserCode.String(),
		VerificationURI: page, VerificationURIComplete: page + "?user_code=" + a.UserCode.String(),
		ExpiresIn: int64(a.Expires.Seconds()), Interval: int64(oauth.Interval.Seconds()),
		Message: "To sign in, open " + page + " in a browser and enter the code " + a.UserCode.String(),
	})
}

func (s *Server) authorizeDevice(w http.ResponseWriter, r *http.Request) (oauth.DeviceAuthorization, error) {
	form, err := oauthForm(w, r, "scope")
	if err != nil {
		return oauth.DeviceAuthorization{}, err
	}
	from, err := clientOf(r, form)
	if err == nil {
		err = require(from, form)
	}
	if err == nil {
		err = s.limits.Exchange(recordOf(r.Context()).client)
	}
	if err != nil {
		return oauth.DeviceAuthorization{}, err
	}
	return s.grants.AuthorizeDevice(r.Context(), from.id, form["scope"])
}

// getDevice serves GET /device: it asks for the code or, with one in the
// query, for the decision.
func (s *Server) getDevice(w http.ResponseWriter, r *http.Request) {
	p, err := readParams("query", r.URL.RawQuery, "user_code")
	if p["user_code"] != "" || err != nil {
		err = cmp.Or(navigates(r), err)
	}
	switch {
	case err != nil:
		s.fail(w, r, err)
	case s.toPublicHost(w, r):
	case p["user_code"] == "":
		s.devicePage(w, r, http.StatusOK, web.DeviceData{View: web.DeviceAsk})
	default:
		s.askDevice(w, r, p["user_code"])
	}
}

// postDevice serves POST /device: a typed code, or the decision. Every answer
// to a person leads to an address that can be reloaded and gone back to.
func (s *Server) postDevice(w http.ResponseWriter, r *http.Request) {
	form, err := s.deviceForm(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	userCode, err := oauth.ParseUserCode(form["user_code"])
	if err != nil || form["decision"] == "" {
		s.seeUserCode(w, form["user_code"])
		return
	}
	switch form["decision"] {
	case "continue":
		s.continueDevice(w, r, userCode)
	case "decline":
		err := s.tryUserCode(r, func() error { return s.grants.Decline(r.Context(), userCode) })
		if err != nil {
			s.failDecision(w, r, userCode, err)
			return
		}
		s.seeDevice(w, web.DeviceDeclined)
	default:
		s.fail(w, r, invalid("decision must be continue or decline"))
	}
}

func (s *Server) deviceForm(w http.ResponseWriter, r *http.Request) (params, error) {
	if err := s.sameOrigin(r); err != nil {
		return nil, err
	}
	if err := refuseInQuery(r, "user_code", "decision"); err != nil {
		return nil, err
	}
	body, err := formBody(w, r)
	if err != nil {
		return nil, err
	}
	return readParams("body", body, "user_code", "decision")
}

func (s *Server) continueDevice(w http.ResponseWriter, r *http.Request, userCode oauth.UserCode) {
	var target string
	n := s.newcomer(r)
	err := s.tryUserCode(r, func() (err error) {
		target, err = s.grants.Continue(r.Context(), userCode, n.browser)
		return err
	})
	if err != nil {
		s.failDecision(w, r, userCode, err)
		return
	}
	s.keep(w, r, n)
	seeOther(w, target)
}

// seeUserCode leads to what there is to say of a code that somebody has typed.
func (s *Server) seeUserCode(w http.ResponseWriter, typed string) {
	target := s.config.PublicURL.String() + api.PathDevice
	if code, err := oauth.ParseUserCode(typed); err == nil {
		typed = code.String()
	}
	if typed != "" {
		target += "?user_code=" + url.QueryEscape(strings.ToValidUTF8(typed[:min(len(typed), maxShown)], ""))
	}
	seeOther(w, target+"#")
}

// maxShown bounds what is kept of a text that is not a user code, in bytes. It is
// longer than what a code is found in, so the rest cannot make one.
const maxShown = 300

// failDecision redirects to a page that says that a code is unknown.
func (s *Server) failDecision(w http.ResponseWriter, r *http.Request, userCode oauth.UserCode, err error) {
	if !errors.Is(err, oauth.ErrUnknown) {
		s.fail(w, r, err)
		return
	}
	recordOf(r.Context()).problem = api.UnknownSignIn
	s.seeUserCode(w, userCode.String())
}

// toDevice leads to the page from addresses that people type in its place, and
// keeps nothing of them but the code.
func (s *Server) toDevice(w http.ResponseWriter, r *http.Request) {
	p, _ := readParams("query", r.URL.RawQuery, "user_code") // what cannot be read is left out
	s.seeUserCode(w, p["user_code"])
}

// nearDevice reports whether a path was meant to be that of the device page.
func nearDevice(path string) bool {
	return strings.EqualFold(strings.TrimSuffix(path, "/"), api.PathDevice)
}

// getDeviceResult serves GET /device/{result}: how it went.
func (s *Server) getDeviceResult(w http.ResponseWriter, r *http.Request) {
	switch view := web.DeviceView(r.PathValue("result")); view {
	case web.DeviceFinished, web.DeviceRefused, web.DeviceDeclined:
		s.devicePage(w, r, http.StatusOK, web.DeviceData{View: view})
	default:
		s.notFound(w, r)
	}
}

// askDevice shows which app asks for what under a user code. A text that cannot be
// one does not count as a guess.
func (s *Server) askDevice(w http.ResponseWriter, r *http.Request, typed string) {
	userCode, err := oauth.ParseUserCode(typed)
	if err != nil {
		s.askAgain(w, r, typed, err)
		return
	}
	var request oauth.DeviceRequest
	err = s.tryUserCode(r, func() (err error) {
		request, err = s.grants.Find(r.Context(), userCode)
		return err
	})
	switch {
	case errors.Is(err, oauth.ErrUnknown):
		s.askAgain(w, r, typed, err)
		return
	case err != nil:
		s.fail(w, r, err)
		return
	}
	if r.Method == http.MethodGet && !prefetched(r) {
		// Two clicks on Continue are one browser, whose cookie is here by then.
		n := s.newcomer(r)
		n.browser(request.Flow)
		s.keep(w, r, n)
	}
	s.devicePage(w, r, http.StatusOK, web.DeviceData{
		View: web.DeviceConfirm, UserCode: userCode.String(), ClientID: request.ClientID, Scopes: request.Scopes,
		Minutes: int(time.Since(request.Asked).Minutes()),
	})
}

// askAgain says what is wrong with a code, which may come from a link.
func (s *Server) askAgain(w http.ResponseWriter, r *http.Request, typed string, err error) {
	data := web.DeviceData{View: web.DeviceAsk, UserCode: display.Clean(typed), Unknown: true}
	var no *oauth.NoUserCodeError
	if errors.As(err, &no) {
		data.Strange, data.Letters = no.Strange, no.Letters
	}
	recordOf(r.Context()).problem = api.UnknownSignIn
	s.devicePage(w, r, http.StatusNotFound, data)
}

// devicePage shows a page whose form may end at Stack Exchange, or at wherever
// that sends users to log in: Chromium applies form-action to every redirect
// after a form post.
func (s *Server) devicePage(w http.ResponseWriter, r *http.Request, status int, data web.DeviceData) {
	w.Header().Set("Content-Security-Policy", s.devicePolicy)
	data.Host = s.upstream.BaseURL().Hostname()
	data.Sandbox = s.config.Sandbox != nil
	data.AuthorizedAppsURL = s.config.AuthorizedAppsURL
	body, err := s.pages.Device(data)
	s.page(w, r, status, body, err)
}
