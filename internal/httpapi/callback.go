package httpapi

import (
	"errors"
	"net/http"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/grant"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// getCallback serves GET /oauth/callback, which ends the browser's part of a
// sign-in: Stack Exchange has sent the browser back. It is the one GET that
// stores something.
func (s *Server) getCallback(w http.ResponseWriter, r *http.Request) {
	outcome, err := s.conclude(r)
	switch {
	case errors.Is(err, grant.ErrUnknown):
		s.seeProblem(w, r, api.UnknownSignIn)
	case errors.Is(err, grant.ErrWrongBrowser):
		s.seeProblem(w, r, api.WrongBrowser)
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

func (s *Server) conclude(r *http.Request) (grant.Outcome, error) {
	if prefetched(r) {
		return grant.Outcome{}, errPrefetch
	}
	p, err := readParams("query", r.URL.RawQuery, "state")
	if err != nil || !grant.IsState(p["state"]) {
		return grant.Outcome{}, grant.ErrUnknown
	}
	return s.grants.Callback(r.Context(), p["state"], answerIn(r.URL.RawQuery), s.flowBrowser(r))
}

// answerIn returns the answer of Stack Exchange in a query. What is not one is
// an error like those that it sends: the app is told, and does not wait.
func answerIn(query string) grant.Answer {
	p, err := readParams("query", query, "code", "error")
	if err != nil {
		return unreadable("cannot be read")
	}
	_, err = relay.NewCode(p["code"])
	switch {
	case p["error"] != "":
		description, _ := readParams("query", query, "error_description") // the name will do
		return grant.Answer{Error: p["error"], Description: description["error_description"]}
	case p["code"] == "":
		return unreadable("has neither code nor error")
	case err != nil:
		return unreadable("has a code that is none")
	}
	return grant.Answer{Code: p["code"]}
}

func unreadable(how string) grant.Answer {
	return grant.Answer{Error: "server_error", Description: "the answer of Stack Exchange " + how}
}
