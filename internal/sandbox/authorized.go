package sandbox

import (
	"errors"
	"net/http"
	"time"
)

// maxShown bounds the apps on one page.
const maxShown = 200

// authorizedApps is what the user sees of the apps that they have authorized.
type authorizedApps struct {
	Apps []authorizedApp
	More int // that are not shown
}

type authorizedApp struct {
	ClientID    string
	Given       time.Time
	Permissions []permission
}

// apps lists the apps that the user has authorized, and removes one.
func (s *Sandbox) apps(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		s.submit(w, r, "/sandbox/apps", s.removeApp)
		return
	}
	consents := s.ledger.authorized()
	shown := consents[:min(len(consents), maxShown)]
	data := authorizedApps{More: len(consents) - len(shown)}
	for _, c := range shown {
		data.Apps = append(data.Apps, authorizedApp{c.clientID, c.given, permissions(c.scopes)})
	}
	writePage(w, http.StatusOK, "apps.html", s.userPage(r, data, "sandbox.apps.title"))
}

func (s *Sandbox) removeApp(p params) error {
	if p["decision"] != "remove" || p["client_id"] == "" {
		return errors.New("decision must be remove, and client_id that of an app")
	}
	s.ledger.remove(p["client_id"])
	return nil
}
