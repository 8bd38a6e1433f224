package main

import (
	"net/url"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/registration"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// state is a page in one of its states. This list is the only one.
type state struct {
	Name     string `json:"name"`
	Fragment string `json:"fragment,omitempty"` // with which the page is opened
	Decides  bool   `json:"decides,omitempty"`  // all of its decision has to be in sight
	NoScript bool   `json:"noScript,omitempty"` // as without JavaScript
	Shows    string `json:"shows,omitempty"`    // a selector of what the script shows
	English  bool   `json:"english,omitempty"`  // for the authors of apps, in English
	Real     bool   `json:"real,omitempty"`     // of a server without a sandbox

	page web.Page // its data, or
	path string   // a path of the server
}

var (
	known = web.App{
		Name: "Acme Inbox", Author: "Acme GmbH", Homepage: "https://example.com/inbox", Post: "https://stackapps.com/q/1",
		Claimed: true,
	}
	showsCode = web.App{Name: "Acme Inbox", Author: "Acme GmbH", ShowsCode: true, Claimed: true}
	unknown   = web.App{Warn: true, Claimed: true}
	response  = []web.Field{{Name: "state", Value: "kM3-9c2a7be1d04865"}, {Name: "code", Value: "c"}}
)

const (
	apps     = "https://stackexchange.com/users/current?tab=apps"
	fragment = "#state=kM3-9c2a7be1d04865&access_token=T&scope=read_inbox"
)

var states = concat(handOvers(), ends(), problems(), devices(), continues(), []state{
	{Name: "done", page: web.ResultData{Result: web.ResultDone}},
	{Name: "denied", page: web.ResultData{Result: web.ResultDenied}},
	{Name: "failed", page: web.ResultData{Result: web.ResultFailed}},
	{Name: "home", path: "/", English: true},
	{Name: "home-real", path: "/", English: true, Real: true},
	{Name: "docs", path: "/docs/", English: true},
	{Name: "document", path: "/docs/oauth", English: true},
	{Name: "security", path: "/security", English: true},
	{Name: "privacy", path: "/privacy", English: true},
	{Name: "privacy-real", path: "/privacy", English: true, Real: true},
	{Name: "status", path: "/status", English: true},
	{Name: "faq", path: "/docs/faq", English: true},
	{Name: "accessibility", path: "/accessibility", English: true},
}, starts(), sandboxes())

func concat(lists ...[]state) (all []state) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

func handOver(app web.App, view web.View) web.LandingData {
	return web.LandingData{
		View: view, App: app, AppID: "17", MatchCode: "7QX-M4K", Action: "/auth/redirect/17", Fields: response, Minutes: 14,
		Scopes: []string{"read_inbox", "write_access", "no_expiry"}, AuthorizedAppsURL: apps,
	}
}

func handOvers() []state {
	scripted := handOver(known, web.ViewFragment)
	scripted.Fields, scripted.Scopes, scripted.MatchCode = nil, nil, ""
	refused, turnedAway := handOver(known, web.ViewRefusal), handOver(known, web.ViewRefusal)
	refused.Error, turnedAway.Error = api.AccessDenied, api.InvalidScope
	return []state{
		{Name: "hand-over-known", Decides: true, page: handOver(known, web.ViewConfirm)},
		{Name: "hand-over-shows-code", Decides: true, page: handOver(showsCode, web.ViewConfirm)},
		{Name: "hand-over-unknown", Decides: true, page: handOver(unknown, web.ViewConfirm)},
		{Name: "hand-over-script", Decides: true, Fragment: fragment, Shows: "[data-section=confirm]", page: scripted},
		{Name: "hand-over-refusal", Decides: true, NoScript: true, page: refused},
		{Name: "hand-over-turned-away", Decides: true, NoScript: true, page: turnedAway},
		{Name: "hand-over-nothing", Fragment: "#", Shows: "[data-section=nothing]", page: scripted},
		{Name: "hand-over-malformed", Fragment: "#state=x&code=a&error=b", Shows: "[data-section=problem]", page: scripted},
		{Name: "hand-over-no-script", NoScript: true, page: scripted},
	}
}

func ends() (list []state) {
	for _, view := range []web.EndView{
		web.EndWaiting, web.EndLate, web.EndFinished, web.EndSent, web.EndExpired, web.EndOver,
		web.EndContended, web.EndRejected,
		web.EndRefused, web.EndTrouble, web.EndTurnedAway, web.EndDeclined, web.EndUnused, web.EndEnded, web.EndUnended, web.EndNothing,
	} {
		list = append(list, state{
			Name: "end-" + string(view), page: web.EndData{View: view, App: known, Minutes: 12, AuthorizedAppsURL: apps},
		})
	}
	return append(list, state{
		Name: "end-unknown", page: web.EndData{View: web.EndWaiting, Minutes: 1, AuthorizedAppsURL: apps},
	})
}

func problems() (list []state) {
	for _, one := range []struct {
		name   string
		status int
	}{
		{"invalid_key", 400}, {"not_found", 404}, {"cross_origin", 403}, {"temporarily_unavailable", 503},
		{"wrong_browser", 403}, {"unknown_sign_in", 404}, {"access_denied", 403},
	} {
		list = append(list, state{Name: "problem-" + one.name, page: web.ProblemData{
			Status: one.status, Name: one.name, Message: "what the author of the app has to change", RequestID: "3w5e11264sgsf",
			Time: time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC), AuthorizedAppsURL: apps, OAuth: true, App: known,
		}})
	}
	return list
}

func devices() []state {
	ask := web.DeviceData{View: web.DeviceAsk, Life: 15, Host: "stackoverflow.com", AuthorizedAppsURL: apps}
	wrong := ask
	wrong.UserCode, wrong.Unknown = "BCDF-GHJK", true
	short := wrong
	short.UserCode, short.Letters = "BCDF-GHJ", 7
	decide := ask
	decide.View, decide.UserCode, decide.App, decide.ClientID = web.DeviceConfirm, "WDJB-MJHT", known, "12345"
	decide.Scopes, decide.Minutes, decide.Left = []string{"read_inbox"}, 2, 13
	strong := decide
	strong.Scopes, strong.Elsewhere = []string{"read_inbox", "write_access", "no_expiry", "access_team|x"}, true
	everything := strong
	everything.Scopes = append([]string{"access_team|x"}, api.Scopes...)
	strange := decide
	strange.App, strange.Sandbox, strange.Minutes = web.App{Warn: true}, true, 0
	return []state{
		{Name: "device-ask", Decides: true, page: ask},
		{Name: "device-wrong", Decides: true, page: wrong},
		{Name: "device-short", Decides: true, page: short},
		{Name: "device-decide", Decides: true, page: decide},
		{Name: "device-decide-no-first", Decides: true, page: strong},
		{Name: "device-decide-everything", page: everything},
		{Name: "device-decide-unknown", Decides: true, page: strange},
	}
}

func continues() (list []state) {
	for _, target := range []string{"editor", "extension", "link"} {
		for _, view := range []web.ContinueView{
			web.ContinueAsk, web.ContinueDone, web.ContinueStopped, web.ContinueEnded, web.ContinueUnended,
		} {
			list = append(list, state{
				Name: "continue-" + target + "-" + string(view), Decides: view == web.ContinueAsk,
				page: web.ContinueData{
					View: view, App: known, Target: target, Editor: "Visual Studio Code", Extension: "acme.inbox",
					Host: "example.com", Receipt: "r", AuthorizedAppsURL: apps,
				},
			})
		}
	}
	return list
}

func starts() []state {
	choice := registration.Choice{
		Platform: registration.CommandLine, OAuth: true,
		Needs:  []registration.Need{registration.Write, registration.NoExpiry},
		Server: &url.URL{Scheme: "https", Host: "auth.example.org"}, ClientID: "12345",
		StackExchange: &url.URL{Scheme: "https", Host: "stackoverflow.com"},
		API:           &url.URL{Scheme: "https", Host: "api.stackexchange.com", Path: "/2.3"},
	}
	list := []state{
		{Name: "start", page: start(web.StartData{View: web.StartChoose})},
		{Name: "start-values", page: start(web.StartData{
			View: web.StartValues, Choice: choice, Plan: registration.Advise(choice),
		})},
		{Name: "start-try", page: start(web.StartData{View: web.StartTry, Choice: choice})},
		{Name: "start-mistaken", page: start(web.StartData{View: web.StartTry, Choice: choice, Mistaken: true})},
	}
	for _, outcome := range []web.StartOutcome{
		web.OutcomePending, web.OutcomeChecking, web.OutcomeRefused, web.OutcomeNotTaken, web.OutcomeUnanswered,
		web.OutcomeRight, web.OutcomeSeen, web.OutcomeGone,
	} {
		seen := evidence[outcome]
		seen.Scope, seen.Domain = "write_access no_expiry", "auth.example.org"
		data := web.StartData{
			View: web.StartReport, Choice: choice, Outcome: outcome, Reached: outcome, Error: seen.Error, Message: seen.Message,
			Unrevoked: outcome == web.OutcomeUnanswered, Findings: registration.Diagnose(seen),
		}
		if outcome == web.OutcomeSeen {
			data.Reached = web.OutcomePending
		}
		list = append(list, state{Name: "start-" + string(outcome), page: start(data)})
	}
	return list
}

// evidence is what a report has of the sign-in that was tried.
var evidence = map[web.StartOutcome]registration.Evidence{
	web.OutcomeRefused: {Stage: registration.Refused, Error: "invalid_scope", Message: "unknown scope: read_mail"},
	web.OutcomeNotTaken: {
		Stage: registration.NotTaken, Error: "invalid_request", Message: "redirect_uri is not configured for this application",
	},
	web.OutcomeUnanswered: {Stage: registration.Unanswered},
	web.OutcomeRight:      {Stage: registration.SignedIn},
	web.OutcomeSeen:       {Seen: "redirect_uri"},
}

func start(data web.StartData) web.StartData {
	data.Host, data.Action = "stackoverflow.com", "/start/report"
	if !data.Mistaken { // which keeps nothing of what was typed
		data.ClientID = "12345"
	}
	data.Query, data.AuthorizedAppsURL = "platform=command_line", apps
	data.Fields = []web.Field{{Name: "platform", Value: "command_line"}}
	return data
}

func sandboxes() []state {
	return []state{
		{
			Name: "sandbox-consent",
			path: "/sandbox/oauth/dialog?client_id=7&scope=read_inbox,write_access,no_expiry&state=x" +
				"&redirect_uri=http://127.0.0.1/",
		},
		{Name: "sandbox-apps", path: "/sandbox/apps"},
		{Name: "sandbox", path: "/sandbox/", English: true},
		{Name: "sandbox-application", path: "/sandbox/applications/906", English: true},
		{Name: "sandbox-switches", path: "/sandbox/switches", English: true},
	}
}
