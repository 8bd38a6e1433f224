package web

import "strings"

// HomeData is what the home page shows.
type HomeData struct {
	PublicURL string // origin under which apps reach the service
	OAuth     bool   // the OAuth server is on
	Sandbox   bool   // the fake Stack Exchange is on, so the page can be tried
	Version   string
}

// Home renders the page that explains the service to the author of an app and,
// with the sandbox, lets them try it.
func (p *Pages) Home(data HomeData) ([]byte, error) {
	data.PublicURL = strings.TrimRight(data.PublicURL, "/")
	return p.render("home.html", data)
}
