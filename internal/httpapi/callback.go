package httpapi

import (
	"errors"
	"net/http"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/grant"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// callback ends the browser's part of a sign-in that the OAuth server has
// started: Stack Exchange has sent the browser back.
func (s *Server) callback(w http.ResponseWriter, r *http.Request, p params) {
	outcome, err := s.conclude(r, p)
	switch {
	case errors.Is(err, grant.ErrUnknown):
		err = &problem{api.UnknownSignIn, err.Error()}
	case errors.Is(err, grant.ErrWrongBrowser):
		err = &problem{api.WrongBrowser, err.Error()}
	}
	switch {
	case err != nil:
		s.failPage(w, r, err)
	case outcome.Redirect != "":
		seeOther(w, outcome.Redirect)
	case outcome.Approved:
		s.seeDevice(w, web.DeviceFinished)
	default:
		s.seeDevice(w, web.DeviceRefused)
	}
}

// seeDevice shows how a device's sign-in went under an address that holds
// nothing of it.
func (s *Server) seeDevice(w http.ResponseWriter, view web.DeviceView) {
	seeOther(w, s.config.PublicURL.String()+api.PathDevice+"/"+string(view)+"#")
}

func (s *Server) conclude(r *http.Request, p params) (grant.Outcome, error) {
	if r.Method == http.MethodHead || prefetched(r) {
		return grant.Outcome{}, errPrefetch
	}
	answer, err := answerOf(p)
	if err != nil {
		return grant.Outcome{}, err
	}
	return s.grants.Callback(r.Context(), p["state"], answer, flowCookie(r))
}

// answerOf reads the one code or error in p.
func answerOf(p params) (grant.Answer, error) {
	switch {
	case p.has("code") && p.has("error"):
		return grant.Answer{}, &problem{api.InvalidRequest, "there is both code and error"}
	case p.has("code"):
		_, err := relay.NewCode(p["code"])
		return grant.Answer{Code: p["code"]}, err
	case p["error"] != "":
		return grant.Answer{Error: p["error"], Description: p["error_description"]}, nil
	}
	return grant.Answer{}, &problem{api.InvalidRequest, "there is no code or error"}
}
