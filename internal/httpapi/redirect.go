package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// responseParams are the parameters that hold an authorization response.
var responseParams = []string{"access_token", "code", "error"}

// getRedirect serves the page that Stack Exchange sends the browser to for the key
// relay. It stores nothing; the form on it deposits.
func (s *Server) getRedirect(w http.ResponseWriter, r *http.Request) error {
	p, err := queryParams(r)
	if err != nil {
		return err
	}
	data, err := s.landing(r, p)
	if err != nil {
		return err
	}
	return s.page(w, r, http.StatusOK, data)
}

func (s *Server) landing(r *http.Request, p params) (web.LandingData, error) {
	space, err := s.keySpace(recordOf(r.Context()), r, p)
	if err != nil {
		return web.LandingData{}, err
	}
	data := web.LandingData{
		View: web.ViewFragment, App: s.appOnPage(recordOf(r.Context()).listed), Action: action(r, p),
		Auto: s.config.HandOver, AuthorizedAppsURL: s.config.AuthorizedAppsURL,
		Minutes: max(1, int(s.config.TTL.Minutes())), Scopes: scopesIn(p.get("scope")),
	}
	if space != relay.DefaultKeySpace {
		data.AppID = string(space)
	}
	if !p.has("state") && !slices.ContainsFunc(responseParams, p.has) {
		return data, nil // a fragment may hold it, which only the script sees
	}
	key, response, err := s.parseResponse(p)
	if err != nil {
		return web.LandingData{}, err
	}
	data.View, data.MatchCode = web.ViewConfirm, key.MatchCode()
	if response.Kind == relay.KindRefusal {
		data.View, data.Error = web.ViewRefusal, response.Error
	}
	for _, name := range []string{"state", "access_token", "code", "expires", "error", "error_description", "scope"} {
		if p.get(name) != "" {
			data.Fields = append(data.Fields, web.Field{Name: name, Value: p.get(name)})
		}
	}
	return data, nil
}

// maxScopes bounds what the page lists.
const maxScopes = 30

// scopesIn returns the scopes in an answer of Stack Exchange, fit to be shown; nil if
// there are none.
func scopesIn(text string) (scopes []string) {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	for _, word := range words[:min(len(words), maxScopes)] {
		scopes = append(scopes, display.Cut(display.Clean(word), 100))
	}
	return scopes
}

// action is where the page's form posts to: the same app, the same place.
func action(r *http.Request, p params) string {
	if app := r.PathValue("appid"); app != "" {
		return api.PathRedirect + "/" + app
	}
	if app, ok := p.find("appid"); ok {
		return api.PathRedirect + "?appid=" + app
	}
	return api.PathRedirect
}

// parseResponse reads the key and the one response in p.
func (s *Server) parseResponse(p params) (relay.Key, relay.Response, error) {
	if p.get("state") == "" {
		return relay.Key{}, relay.Response{}, &problem{
			name:   api.NoKey,
			detail: "the answer from Stack Exchange has no state: the app must send its key as state",
		}
	}
	key, err := relay.ParseKey(p.get("state"), s.config.WeakKeys)
	if err != nil {
		return relay.Key{}, relay.Response{}, err
	}
	found := ""
	for _, name := range responseParams {
		switch {
		case !p.has(name):
		case found != "":
			return relay.Key{}, relay.Response{}, invalid("there is both " + found + " and " + name)
		default:
			found = name
		}
	}
	response, err := newResponse(found, p)
	return key, response, err
}

func newResponse(found string, p params) (relay.Response, error) {
	if expires := p.get("expires"); len(expires) > 12 || strings.Trim(expires, "0123456789") != "" {
		return relay.Response{}, invalid("expires must be a number of seconds")
	}
	switch found {
	case "access_token":
		return relay.NewToken(p.get(found))
	case "code":
		return relay.NewCode(p.get(found))
	case "error":
		if p.get(found) == "" {
			return relay.Response{}, invalid("error is empty")
		}
		return relay.NewRefusal(p.get(found), p.get("error_description")), nil
	}
	return relay.Response{}, invalid("there is no access_token, code or error")
}

// postRedirect deposits a response.
func (s *Server) postRedirect(w http.ResponseWriter, r *http.Request) error {
	if err := s.sameOrigin(r); err != nil {
		return err
	}
	if prefetched(r) {
		return errPrefetch
	}
	p, err := depositParams(w, r)
	if err != nil {
		return err
	}
	rec := w.(*record)
	if p.has("language") {
		return s.askInLanguage(w, r.WithContext(rec), p)
	}
	space, err := s.keySpace(rec, r, p)
	if err != nil {
		return err
	}
	key, response, err := s.parseResponse(p)
	if err != nil {
		return err
	}
	cancelled, err := hasCancelled(p)
	if err != nil {
		return err
	}
	rec.about("key", space, key.Text)
	// The rest must be done even if the browser leaves the page.
	h := handOver{context.WithoutCancel(rec), space, key, s.relayBrowser(w, r)}
	var result web.EndView
	receipt := ""
	if cancelled && response.Kind != relay.KindRefusal {
		result, err = s.cancel(h, response)
	} else {
		result, receipt, err = s.finish(h, response)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Location", resultURL(result, space, receipt))
	if wantsPage(r) {
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	dataHeaders.replace(w.Header())
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// askInLanguage asks again, in the language that the user has chosen on the page,
// whose form has posted the response along.
func (s *Server) askInLanguage(w http.ResponseWriter, r *http.Request, p params) error {
	chosen, err := s.chooseLanguage(w, r, p.get("language"))
	if err != nil {
		return err
	}
	data, err := s.landing(r, p)
	switch {
	case err != nil:
		return err
	case data.View == web.ViewFragment: // the page had nothing, or has it no longer
		return seeOther(w, data.Action+"#")
	}
	return s.pageIn(chosen, w, r, http.StatusOK, data)
}

// depositParams reads the parameters of a deposit. Only appid may be in its query.
func depositParams(w http.ResponseWriter, r *http.Request) (params, error) {
	query, err := queryParams(r)
	if err != nil {
		return nil, err
	}
	for _, p := range query {
		if p.name != "appid" {
			return nil, invalid("only appid may be in the query of a deposit; send everything else in its body")
		}
	}
	return postParams(w, r, "appid")
}

// hasCancelled reports whether the user has cancelled.
func hasCancelled(p params) (bool, error) {
	switch decision, given := p.find("decision"); {
	case !given || decision == "finish":
		return false, nil
	case decision == "cancel":
		return true, nil
	}
	return false, invalid("decision must be finish or cancel")
}
