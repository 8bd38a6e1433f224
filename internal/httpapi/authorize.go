package httpapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// getAuthorize serves GET /oauth/authorize (RFC 6749 section 4.1.1).
func (s *Server) getAuthorize(w http.ResponseWriter, r *http.Request) error {
	if err := navigates(r); err != nil {
		return err
	}
	if r.Host != s.config.PublicURL.Host {
		return s.toPublicHost(w, r)
	}
	app, err := readParams("query", r.URL.RawQuery, "client_id", "redirect_uri")
	switch {
	case err != nil:
		return err
	case prefetched(r):
		return errPrefetch
	}
	err = s.grants.CheckClient(app.get("client_id"), app.get("redirect_uri"))
	switch {
	case errors.Is(err, oauth.ErrInvalidClient):
		return &problem{name: api.BadClient} // only the user sees this
	case err != nil:
		return err
	}
	if err := s.permit(r.Context(), app.get("client_id"), oauth.CodeGrant, nil); err != nil {
		return err // no redirect: the user learns why
	}
	s.keepLanguage(w, r)
	// From here on, errors go to the app.
	target, err := s.authorize(w, r)
	if err != nil {
		p := s.explain(w.(*record), err)
		name, _ := p.oauth()
		target, err = s.grants.RedirectError(oauth.AuthorizationRequest{
			ClientID: app.get("client_id"), RedirectURI: app.get("redirect_uri"), State: stateIn(r.URL.RawQuery),
		}, name, p.message())
	}
	if err != nil {
		return err
	}
	return seeOther(w, target)
}

// stateIn returns the state that an app knows its request by: the first, if it is
// repeated, and as it was written, if it cannot be decoded.
func stateIn(query string) string {
	for pair := range strings.SplitSeq(query, "&") {
		if nameIn(pair) != "state" {
			continue
		}
		if _, value, err := parsePair(pair); err == nil {
			return value
		}
		_, value, _ := strings.Cut(pair, "=")
		return value
	}
	return ""
}

func (s *Server) authorize(w http.ResponseWriter, r *http.Request) (string, error) {
	p, err := readParams("query", r.URL.RawQuery, "response_type", "response_mode", "client_id", "redirect_uri", "scope",
		"state", "code_challenge", "code_challenge_method", "dss_redeem", "dss_end")
	switch {
	case err != nil:
		return "", err
	case p.get("response_type") == "":
		return "", missing("response_type")
	case p.get("response_type") != "code":
		return "", &problem{name: api.UnsupportedResponseType}
	case p.get("response_mode") != "" && p.get("response_mode") != "query":
		return "", invalid("response_mode must be query")
	case p.get("code_challenge") == "":
		return "", invalid("code_challenge is missing: this server needs PKCE (RFC 7636)")
	case p.get("code_challenge_method") != "S256":
		return "", invalid("code_challenge_method must be S256")
	case p.get("dss_redeem") != "" && p.get("dss_redeem") != api.RedeemDirect:
		return "", invalid("dss_redeem must be " + api.RedeemDirect)
	}
	browser, keep := s.newcomer(w, r)
	target, err := s.grants.Authorize(r.Context(), oauth.AuthorizationRequest{
		ClientID: p.get("client_id"), RedirectURI: p.get("redirect_uri"), Scope: p.get("scope"), State: p.get("state"),
		CodeChallenge: p.get("code_challenge"), Direct: p.get("dss_redeem") == api.RedeemDirect,
		End: p.get("dss_end"),
	}, browser)
	if err == nil {
		keep()
	}
	return target, err
}

// getCallback serves GET /oauth/callback, which ends a trial, and the browser's part
// of a sign-in: Stack Exchange has sent the browser back. It is the one GET that
// stores something.
func (s *Server) getCallback(w http.ResponseWriter, r *http.Request) error {
	if prefetched(r) {
		return errPrefetch
	}
	query := r.URL.RawQuery
	p, err := readParams("query", query, "state")
	if err != nil || !oauth.IsState(p.get("state")) {
		return oauth.ErrUnknown
	}
	answer := answerIn(query)
	outcome, err := s.grants.Callback(r.Context(), p.get("state"), answer, s.flowBrowser(r))
	switch {
	case outcome.Receipt != "" && !outcome.Approved: // or why it may not go on
		return seeOther(w, s.continueURL(outcome.Receipt))
	case err != nil:
		return err
	case outcome.Redirect != "":
		return seeOther(w, outcome.Redirect)
	case outcome.Trial != "":
		return seeOther(w, s.reportURL(outcome.Trial))
	case outcome.Approved:
		return seeOther(w, s.deviceURL(web.EndFinished, outcome.Receipt))
	}
	return seeOther(w, s.deviceURL(web.RefusalView(answer.Error), ""))
}

// answerIn returns the answer of Stack Exchange in a query. Anything else becomes
// an error like those that it sends, so that the app need not wait.
func answerIn(query string) oauth.Answer {
	p, err := readParams("query", query, "code", "error")
	if err != nil {
		return unreadable("cannot be read")
	}
	_, err = relay.NewCode(p.get("code"))
	switch {
	case p.get("error") != "":
		description, _ := readParams("query", query, "error_description") // the name will do
		return oauth.Answer{Error: p.get("error"), Description: description.get("error_description")}
	case p.get("code") == "":
		return unreadable("has neither code nor error")
	case err != nil:
		return unreadable("has a malformed code")
	}
	return oauth.Answer{Code: p.get("code")}
}

func unreadable(how string) oauth.Answer {
	return oauth.Answer{Error: api.ServerError, Description: "the answer of Stack Exchange " + how}
}
