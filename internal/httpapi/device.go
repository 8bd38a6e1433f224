package httpapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/clientaddr"
	"github.com/desktop-stack-serv/dss/internal/grant"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// postDeviceAuthorization serves POST /oauth/device_authorization (RFC 8628
// section 3.1).
func (s *Server) postDeviceAuthorization(w http.ResponseWriter, r *http.Request) {
	a, err := s.authorizeDevice(w, r)
	if err != nil {
		s.failOAuth(w, r, err)
		return
	}
	page := s.config.PublicURL.String() + api.PathDevice
	_ = writeJSON(w, http.StatusOK, api.DeviceAuthorization{
		DeviceCode: a.DeviceCode.Reveal(), UserCode: a.UserCode,
		VerificationURI: page, VerificationURIComplete: page + "?user_code=" + a.UserCode,
		ExpiresIn: int64(a.Expires.Seconds()), Interval: int64(grant.Interval.Seconds()),
		Message: "To sign in, open " + page + " in a browser and enter the code " + a.UserCode,
	})
}

// entriesOfDevice is how much a device grant stores: the sign-in, and where it
// is under its user code.
const entriesOfDevice = 2

func (s *Server) authorizeDevice(w http.ResponseWriter, r *http.Request) (grant.DeviceAuthorization, error) {
	form, err := oauthForm(w, r, "scope")
	if err != nil {
		return grant.DeviceAuthorization{}, err
	}
	from, err := clientOf(r, form)
	if err == nil {
		err = require(from, form)
	}
	if err == nil {
		err = s.limits.Exchange(clientaddr.From(r.Context()))
	}
	if err == nil {
		err = s.storing(r, entriesOfDevice)
	}
	if err != nil {
		return grant.DeviceAuthorization{}, err
	}
	return s.grants.AuthorizeDevice(r.Context(), from.id, form["scope"])
}

// getDevice serves GET /device: it asks for the code or, with one in the
// query, for the decision.
func (s *Server) getDevice(w http.ResponseWriter, r *http.Request) {
	p, err := queryParams(r)
	switch {
	case err != nil:
		s.failPage(w, r, err)
	case p["user_code"] == "":
		s.devicePage(w, r, http.StatusOK, web.DeviceData{View: web.DeviceAsk})
	default:
		s.askDevice(w, r, p["user_code"])
	}
}

// postDevice serves POST /device: a typed code, or the decision.
func (s *Server) postDevice(w http.ResponseWriter, r *http.Request) {
	form, err := s.deviceForm(w, r)
	if err != nil {
		s.failPage(w, r, err)
		return
	}
	userCode := form["user_code"]
	switch form["decision"] {
	case "":
		s.askDevice(w, r, userCode)
	case "continue":
		s.continueDevice(w, r, userCode)
	case "decline":
		if err := s.tryUserCode(r, func() error { return s.grants.Decline(r.Context(), userCode) }); err != nil {
			s.failDevice(w, r, userCode, err)
			return
		}
		s.seeDevice(w, web.DeviceDeclined)
	default:
		s.failPage(w, r, &problem{api.InvalidRequest, "decision must be continue or decline"})
	}
}

func (s *Server) continueDevice(w http.ResponseWriter, r *http.Request, userCode string) {
	var target string
	n := s.newcomer(r)
	err := s.tryUserCode(r, func() (err error) {
		target, err = s.grants.Continue(r.Context(), userCode, n.browser)
		return err
	})
	if err != nil {
		s.failDevice(w, r, userCode, err)
		return
	}
	s.keep(w, r, n)
	seeOther(w, target)
}

func (s *Server) deviceForm(w http.ResponseWriter, r *http.Request) (params, error) {
	if err := s.sameOrigin(r); err != nil {
		return nil, err
	}
	if r.URL.RawQuery != "" {
		return nil, &problem{api.InvalidRequest, "send the parameters in the body"}
	}
	return formParams(w, r)
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

// askDevice shows who asks for what under a user code.
func (s *Server) askDevice(w http.ResponseWriter, r *http.Request, userCode string) {
	var request grant.DeviceRequest
	err := s.tryUserCode(r, func() (err error) {
		request, err = s.grants.LookUp(r.Context(), userCode)
		return err
	})
	if err != nil {
		s.failDevice(w, r, userCode, err)
		return
	}
	if r.Method == http.MethodGet && !prefetched(r) {
		// Two clicks on Continue are one browser, whose cookie is here by then.
		n := s.newcomer(r)
		n.browser(request.Flow)
		s.keep(w, r, n)
	}
	s.devicePage(w, r, http.StatusOK, web.DeviceData{
		View: web.DeviceConfirm, UserCode: request.UserCode, ClientID: request.ClientID, Scopes: request.Scopes,
		Minutes: int(time.Since(request.Asked).Minutes()),
	})
}

// failDevice asks again after a code that leads nowhere.
func (s *Server) failDevice(w http.ResponseWriter, r *http.Request, userCode string, err error) {
	if errors.Is(err, grant.ErrUnknown) {
		note(r.Context(), api.UnknownSignIn)
		s.devicePage(w, r, http.StatusNotFound, web.DeviceData{View: web.DeviceAsk, UserCode: userCode, Unknown: true})
		return
	}
	s.failPage(w, r, err)
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
