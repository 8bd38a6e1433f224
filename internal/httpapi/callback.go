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
func (s *Server) getCallback(w http.ResponseWriter, r *http.Request) error {
	if prefetched(r) {
		return errPrefetch
	}
	query := r.URL.RawQuery
	p, err := readParams("query", query, "state")
	if err != nil || !oauth.IsState(p["state"]) {
		return oauth.ErrUnknown
	}
	outcome, err := s.grants.Callback(r.Context(), p["state"], answerIn(query), s.flowBrowser(r))
	switch {
	case err != nil:
		return err
	case outcome.Redirect != "":
		return seeOther(w, outcome.Redirect)
	case outcome.Approved:
		return seeOther(w, s.deviceURL(web.DeviceFinished))
	}
	return seeOther(w, s.deviceURL(web.DeviceRefused))
}

// deviceURL returns the address of the page that says how a device's sign-in went.
// It holds nothing of the sign-in.
func (s *Server) deviceURL(view web.DeviceView) string {
	return s.config.PublicURL.String() + api.PathDevice + "/" + string(view) + "#"
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
		return unreadable("has a malformed code")
	}
	return oauth.Answer{Code: p["code"]}
}

func unreadable(how string) oauth.Answer {
	return oauth.Answer{Error: api.ServerError, Description: "the answer of Stack Exchange " + how}
}
