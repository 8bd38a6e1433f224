package httpapi

import (
	"net/http"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// getCallback serves GET /oauth/callback, which ends the browser's part of a
// sign-in: Stack Exchange has sent the browser back. It is the one GET that
// stores something.
func (s *Server) getCallback(w http.ResponseWriter, r *http.Request) {
	outcome, err := s.conclude(r)
	switch {
	case err != nil:
		s.fail(w, r, err)
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

func (s *Server) conclude(r *http.Request) (oauth.Outcome, error) {
	if prefetched(r) {
		return oauth.Outcome{}, errPrefetch
	}
	p, err := readParams("query", r.URL.RawQuery, "state")
	if err != nil || !oauth.IsState(p["state"]) {
		return oauth.Outcome{}, oauth.ErrUnknown
	}
	return s.grants.Callback(r.Context(), p["state"], answerIn(r.URL.RawQuery), s.flowBrowser(r))
}

// answerIn returns the answer of Stack Exchange in a query. Anything else becomes
// an error like those that it sends, so that the app need not wait.
func answerIn(query string) oauth.Answer {
	p, err := readParams("query", query, "code", "error")
	if err != nil {
		return unreadable("cannot be read")
	}
	_, err = relay.NewCode(p["code"])
	switch {
	case p["error"] != "":
		description, _ := readParams("query", query, "error_description") // the name will do
		return oauth.Answer{Error: p["error"], Description: description["error_description"]}
	case p["code"] == "":
		return unreadable("has neither code nor error")
	case err != nil:
		return unreadable("has a code that is none")
	}
	return oauth.Answer{Code: p["code"]}
}

func unreadable(how string) oauth.Answer {
	return oauth.Answer{Error: api.ServerError, Description: "the answer of Stack Exchange " + how}
}
