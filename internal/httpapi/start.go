package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/registration"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// The pages that lead an author through the registration of an app. What the
// author chooses travels in the query.
const (
	pathStart       = "/start"
	pathStartTry    = "/start/try"
	pathStartReport = "/start/report"
)

// startRoutes lists the routes of these pages. Without the OAuth server nothing
// can be tried.
func (s *Server) startRoutes() []route {
	try := methods{get: s.onPublicHost(s.getTry), head: true}
	if s.config.servesOAuth() {
		try.post = s.onPublicHost(s.postTry)
	}
	routes := slices.Concat(
		s.endpoint(pathStart, methods{get: s.getStart, head: true}),
		s.endpoint(pathStartTry, try),
		s.endpoint(pathStartReport, methods{get: s.onPublicHost(s.getReport), head: true}),
		[]route{{"GET " + pathStart + "/{$}", s.getStart}},
	)
	if s.config.servesOAuth() {
		routes = append(routes, route{"GET " + pathStartReport + "/{flow}", s.getTrial})
	}
	return routes
}

// onPublicHost serves browsers that have come by the public name of this server.
func (s *Server) onPublicHost(serve handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.Host != s.config.PublicURL.Host {
			return s.toPublicHost(w, r)
		}
		return serve(w, r)
	}
}

// getStart serves GET /start: it asks where the app runs and what it needs, and
// then says what to fill in on Stack Apps.
func (s *Server) getStart(w http.ResponseWriter, r *http.Request) error {
	c, p, err := s.choiceIn(r, "client_id")
	if err != nil {
		return err
	}
	c.ClientID = clientIDIn(p)
	data := web.StartData{View: web.StartChoose, Choice: c, ClientID: c.ClientID}
	if c.Platform != "" {
		data.View, data.Plan = web.StartValues, registration.Advise(s.withApp(c))
	}
	return s.startPage(w, r, http.StatusOK, data)
}

// getTry serves GET /start/try: it asks for the client ID. It starts nothing.
func (s *Server) getTry(w http.ResponseWriter, r *http.Request) error {
	c, p, err := s.choiceIn(r, "client_id", "mistaken")
	if err != nil {
		return err
	}
	data := web.StartData{View: web.StartTry, Choice: c, ClientID: clientIDIn(p), Mistaken: p.get("mistaken") != ""}
	return s.startPage(w, r, http.StatusOK, data)
}

// clientIDIn returns the client ID in p; "" if there is none, or it cannot be one.
func clientIDIn(p params) string {
	id := p.get("client_id")
	if !oauth.IsClientID(id) {
		return ""
	}
	return id
}

// postTry serves POST /start/try: it starts a trial and sends the browser to Stack
// Exchange. A text that is not a client ID may be a secret, and does not come back.
func (s *Server) postTry(w http.ResponseWriter, r *http.Request) error {
	if err := s.sameOrigin(r); err != nil {
		return err
	}
	form, err := readForm(w, r, append([]string{"client_id"}, choiceNames...)...)
	if err == nil {
		err = s.limits.Exchange(recordOf(r.Context()).client, 1)
	}
	if err != nil {
		return err
	}
	c := s.choice(form)
	browser, keep := s.newcomer(w, r)
	target, err := s.grants.StartTrial(r.Context(), oauth.TrialRequest{
		ClientID: strings.TrimSpace(form.get("client_id")), Scope: registration.Advise(c).Scope,
		Note: choiceQuery(c).Encode(),
	}, browser)
	switch {
	case errors.Is(err, oauth.ErrInvalidClient):
		again := choiceQuery(c)
		again.Set("mistaken", "on")
		return seeOther(w, s.config.PublicURL.String()+pathStartTry+"?"+again.Encode()+"#")
	case err != nil:
		return err
	}
	keep()
	return seeOther(w, target)
}

// getReport serves GET /start/report: it asks what an author has seen, and says what
// that means. If the browser's last trial is under way, it leads to its report.
func (s *Server) getReport(w http.ResponseWriter, r *http.Request) error {
	c, p, err := s.choiceIn(r, "seen")
	if err != nil {
		return err
	}
	data := web.StartData{View: web.StartReport, Choice: c, Action: pathStartReport, Outcome: web.OutcomeSeen}
	if p.get("seen") != "" {
		data.Findings = registration.Diagnose(registration.Evidence{
			Seen: registration.Sight(p.get("seen")), Scope: registration.Advise(c).Scope, Domain: c.Server.Hostname(),
		})
		return s.startPage(w, r, http.StatusOK, data)
	}
	flow := s.lastFlow(r)
	trial, err := s.grants.FindTrial(r.Context(), flow, s.flowBrowser(r))
	switch {
	case err == nil && trial.Result == oauth.TrialPending:
		return seeOther(w, s.reportURL(flow))
	case err != nil && !errors.Is(err, oauth.ErrUnknown):
		return err
	}
	data.Outcome = web.OutcomePending
	return s.startPage(w, r, http.StatusOK, data)
}

// reportURL returns the address of the report of a trial.
func (s *Server) reportURL(flow string) string {
	return s.config.PublicURL.String() + pathStartReport + "/" + flow + "#"
}

// getTrial serves GET /start/report/{flow}: how a trial of this browser went.
func (s *Server) getTrial(w http.ResponseWriter, r *http.Request) error {
	p, err := readParams("query", r.URL.RawQuery, "seen")
	if err != nil {
		return err
	}
	flow := r.PathValue("flow")
	trial, err := s.grants.FindTrial(r.Context(), flow, s.flowBrowser(r))
	switch {
	case errors.Is(err, oauth.ErrUnknown):
		return s.startPage(w, r, http.StatusNotFound, web.StartData{View: web.StartReport, Outcome: web.OutcomeGone})
	case err != nil:
		return err
	}
	chosen, err := readParams("note", trial.Note, choiceNames...)
	if err != nil {
		return err
	}
	result := trialResults[trial.Result]
	data := web.StartData{
		View: web.StartReport, Choice: s.choice(chosen), ClientID: trial.ClientID, Action: pathStartReport + "/" + flow,
		Outcome: result.outcome, Reached: result.outcome, Error: trial.Error, Message: trial.Message,
		Unrevoked: trial.Result == oauth.TrialUnrevoked,
		Findings: registration.Diagnose(registration.Evidence{
			Stage: result.stage, Error: trial.Error, Message: trial.Message, Seen: registration.Sight(p.get("seen")),
			Scope: trial.Scope, Domain: s.config.PublicURL.Hostname(),
		}),
	}
	switch {
	case data.Outcome == web.OutcomeChecking:
		w.Header().Set("Refresh", "2")
	case p.get("seen") != "":
		data.Outcome = web.OutcomeSeen
	}
	return s.startPage(w, r, http.StatusOK, data)
}

// trialResults are what the results of a trial are to an author.
var trialResults = map[oauth.TrialResult]struct {
	outcome web.StartOutcome
	stage   registration.Stage
}{
	oauth.TrialPending:    {web.OutcomePending, registration.Sent},
	oauth.TrialRedeeming:  {web.OutcomeChecking, registration.Sent},
	oauth.TrialRefused:    {web.OutcomeRefused, registration.Refused},
	oauth.TrialNotTaken:   {web.OutcomeNotTaken, registration.NotTaken},
	oauth.TrialUnanswered: {web.OutcomeUnanswered, registration.Unanswered},
	oauth.TrialDone:       {web.OutcomeRight, registration.SignedIn},
	oauth.TrialUnrevoked:  {web.OutcomeRight, registration.SignedIn},
}

// choiceIn reads the author's choice in a query, and the parameters with one of
// names.
func (s *Server) choiceIn(r *http.Request, names ...string) (registration.Choice, params, error) {
	p, err := readParams("query", r.URL.RawQuery, append(names, choiceNames...)...)
	return s.choice(p), p, err
}

// choiceNames are the parameters of a choice.
var choiceNames = func() []string {
	names := []string{"platform"}
	for _, n := range registration.Needs {
		names = append(names, string(n.Need))
	}
	return names
}()

// choice makes a choice of parameters. What is not known is not chosen.
func (s *Server) choice(p params) registration.Choice {
	c := registration.Choice{
		Server: s.config.PublicURL, OAuth: s.config.servesOAuth(),
		StackExchange: s.upstream.BaseURL(), API: s.upstream.APIURL(),
		OneSite: s.config.Sandbox == nil && !s.upstream.IsPublic(),
	}
	if way := registration.FlowName(p.get("way")); slices.Contains(registration.Ways, way) {
		c.Way = way
	}
	if language := registration.Language(p.get("language")); slices.Contains(registration.Languages(), language) {
		c.Language = language
	}
	if platform := registration.Platform(p.get("platform")); slices.Contains(registration.Platforms, platform) {
		c.Platform = platform
	}
	for _, n := range registration.Needs {
		if p.get(string(n.Need)) != "" {
			c.Needs = append(c.Needs, n.Need)
		}
	}
	return c
}

func choiceQuery(c registration.Choice) url.Values {
	query := url.Values{}
	if c.Platform != "" {
		query.Set("platform", string(c.Platform))
	}
	for _, need := range c.Needs {
		query.Set(string(need), "on")
	}
	return query
}

// startPage shows one of these pages. The form of one ends at Stack Exchange.
func (s *Server) startPage(w http.ResponseWriter, r *http.Request, status int, data web.StartData) error {
	query := choiceQuery(data.Choice)
	data.Query = query.Encode()
	for _, name := range choiceNames {
		if query.Has(name) {
			data.Fields = append(data.Fields, web.Field{Name: name, Value: query.Get(name)})
		}
	}
	data.Host, data.Sandbox = s.upstream.BaseURL().Hostname(), s.config.Sandbox != nil
	data.AuthorizedAppsURL = s.config.AuthorizedAppsURL
	w.Header().Set("Content-Security-Policy", s.signInPolicy)
	return s.page(w, r, status, data)
}
