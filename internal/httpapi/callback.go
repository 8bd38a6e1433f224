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

// problemPath is where the pages about sign-ins that cannot go on are.
const problemPath = "/oauth/problem/"

// seeProblem says what is wrong under an address that holds nothing of the
// sign-in. In the browser that started it, the one this request came with may
// still be good: nobody should be talked into showing it to somebody else.
func (s *Server) seeProblem(w http.ResponseWriter, r *http.Request, name string) {
	note(r.Context(), name)
	seeOther(w, s.config.PublicURL.String()+problemPath+name+"#")
}

// signInProblems are what those pages say.
var signInProblems = map[string]error{
	api.UnknownSignIn: grant.ErrUnknown,
	api.WrongBrowser:  grant.ErrWrongBrowser,
}

// getProblem serves GET /oauth/problem/{name}.
func (s *Server) getProblem(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if err := signInProblems[name]; err != nil {
		s.failPage(w, r, &problem{name, err.Error()})
		return
	}
	s.notFound(w, r)
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
