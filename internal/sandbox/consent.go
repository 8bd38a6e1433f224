package sandbox

import (
	"errors"
	"net/http"
	"slices"

	"github.com/desktop-stack-serv/dss/api"
)

// field is a hidden field of the consent page.
type field struct{ Name, Value string }

// consentPage is what the consent page shows.
type consentPage struct {
	Action      string
	Host        string
	Permissions []permission
	Teams       []string // of which the user picks one
	Before      bool     // the user has approved the app before
	Fields      []field
}

func (s *Sandbox) writeConsent(w http.ResponseWriter, r *http.Request, a authorization, before bool) {
	p := a.params
	scopes := parseScope(p["scope"])
	data := consentPage{Action: a.grantType.path, Host: a.host, Permissions: permissions(scopes), Before: before}
	if s.asksForTeam(scopes) {
		data.Teams = teams
	}
	names := []string{"client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"}
	for _, one := range switchParams {
		if one.Name != switchDecision {
			names = append(names, one.Name)
		}
	}
	for _, name := range names {
		if value, ok := p[name]; ok {
			data.Fields = append(data.Fields, field{name, value})
		}
	}
	writePage(w, http.StatusOK, "consent.html", s.userPage(r, data, "sandbox.consent.title", "id", p["client_id"]))
}

// teams are those that the user belongs to.
var teams = []string{"engineering", "support"}

// asksForTeam reports whether the app leaves the team to the user, as in Stack
// Internal.
func (s *Sandbox) asksForTeam(scopes []string) bool {
	return s.config.Internal && slices.Contains(scopes, api.ScopeTeam)
}

// granted returns the scopes that the app gets: those that it has asked for, with
// the team that the user has picked on the page, has picked before, or has first.
func (s *Sandbox) granted(a authorization, before consent) ([]string, error) {
	scopes := parseScope(a.params["scope"])
	if !s.asksForTeam(scopes) {
		return scopes, nil
	}
	prefix := api.ScopeTeam + "|" + a.own + "/c/"
	team := prefix + teams[0]
	for _, one := range teams {
		if slices.Contains(before.scopes, prefix+one) {
			team = prefix + one
		}
	}
	if picked, ok := a.params["team"]; ok {
		if !slices.Contains(teams, picked) {
			return nil, errors.New("team must be one of those on the page")
		}
		team = prefix + picked
	}
	scopes[slices.Index(scopes, api.ScopeTeam)] = team
	return scopes, nil
}
