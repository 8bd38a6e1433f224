package sandbox

import "net/http"

// overview is the first page.
type overview struct {
	Era      Era
	Internal bool
	API      string // the path of its methods
	Apps     []listing
}

// listing is an app of the list.
type listing struct {
	App
	Key      string
	Findings []string
}

func (s *Sandbox) index(w http.ResponseWriter, r *http.Request) {
	data := overview{Era: s.config.Era, Internal: s.config.Internal, API: s.APIPath()}
	own := s.registry.ownHost(r)
	for _, app := range s.registry.list(r) {
		data.Apps = append(data.Apps, listing{app, app.key(), app.findings(own)})
	}
	writePage(w, http.StatusOK, "index.html", authorPage("A Stack Exchange to play with", data))
}

// findings says what is wrong with a registration, for redirects to a host.
func (a App) findings(host string) []string {
	var list []string
	for _, one := range []struct {
		wrong bool
		text  string
	}{
		{a.Deleted, "the application has been deleted"},
		{!a.Confidential && !a.PKCE && !a.Implicit, "no flow is enabled"},
		{a.Confidential && !a.PKCE, "Authorization Code needs a client secret, because it is enabled without PKCE"},
		{!a.Confidential && !a.PKCE && a.Implicit, "Authorization Code with PKCE is not enabled"},
		{a.PKCE && !a.Implicit, "Implicit is not enabled"},
		{a.Domain == "", "the OAuth domain is missing"},
		{a.Domain != "" && !underDomain(host, a.Domain), "the OAuth domain is " + a.Domain + ", so " + host + " is outside"},
		{!a.NonWeb, "Non-Web Client OAuth Redirect URI is off"},
		{!a.Writes, "nothing on Stack Apps allows it to write"},
		{a.KeyExpired, "the API key has expired"},
	} {
		if one.wrong {
			list = append(list, one.text)
		}
	}
	return list
}

// application shows how an app of the list is registered, and takes changes.
func (s *Sandbox) application(w http.ResponseWriter, r *http.Request) {
	app, ok := s.registry.listed(r.PathValue("id"), r)
	switch {
	case !ok:
		notFound(w, r)
	case r.Method == http.MethodPost:
		change := func(p params) error { return s.registry.change(app.ClientID, p) }
		s.submit(w, r, r.URL.Path, change)
	default:
		data := listing{app, app.key(), app.findings(s.registry.ownHost(r))}
		writePage(w, http.StatusOK, "application.html", authorPage("How application "+app.ClientID+" is registered", data))
	}
}
