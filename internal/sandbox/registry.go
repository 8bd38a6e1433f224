package sandbox

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

// anyHost is the OAuth domain of an app that may redirect everywhere.
const anyHost = "*"

// registry knows how apps are registered.
type registry struct {
	host string // that of the sandbox; "" is that of each request

	mu      sync.Mutex
	changed map[string]App // by client ID
}

// ownHost returns the sandbox's host without a port, as the request names it.
func (g *registry) ownHost(r *http.Request) string {
	if g.host != "" {
		return g.host
	}
	host, err := origin.Parse("https://" + r.Host)
	if err != nil {
		return ""
	}
	return host.Hostname()
}

// list returns the apps of the list, as they are registered now.
func (g *registry) list(r *http.Request) []App {
	apps := Apps(g.ownHost(r))
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, app := range apps {
		if now, ok := g.changed[app.ClientID]; ok {
			apps[i] = now
		}
	}
	return apps
}

// listed returns an app of the list.
func (g *registry) listed(clientID string, r *http.Request) (App, bool) {
	apps := g.list(r)
	i := slices.IndexFunc(apps, func(app App) bool { return app.ClientID == clientID })
	if i < 0 {
		return App{}, false
	}
	return apps[i], true
}

// find returns how an app is registered. One that the list lacks is right for
// every kind of client.
func (g *registry) find(clientID string, r *http.Request) App {
	if app, ok := g.listed(clientID, r); ok {
		return app
	}
	return App{
		ClientID: clientID, Confidential: true, PKCE: true, Implicit: true, Domain: cmp.Or(g.host, anyHost),
		NonWeb: true, Writes: true,
	}
}

// change registers an app as the form on its page says, or as it was at first.
func (g *registry) change(clientID string, p params) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p["decision"] == "reset" {
		delete(g.changed, clientID)
		return nil
	}
	domain := strings.ToLower(strings.TrimSpace(p["domain"]))
	if len(domain) > 253 || strings.ContainsFunc(domain, notInURI) || strings.ContainsAny(domain, "/:@?*") {
		return errors.New("the OAuth domain must be a host alone, such as example.com: without a scheme, a port or a path")
	}
	on := func(name string) bool { return p[name] == "on" }
	g.changed[clientID] = App{
		ClientID: clientID, Confidential: on("confidential"), PKCE: on("pkce"), Implicit: on("implicit"), Domain: domain,
		NonWeb: on("non_web"), Writes: on("writes"), KeyExpired: on("key_expired"), Deleted: on("deleted"),
	}
	return nil
}

// keyExpired reports whether key is that of an app of the list, and has expired.
func (g *registry) keyExpired(key string, r *http.Request) bool {
	return slices.ContainsFunc(g.list(r), func(app App) bool { return app.KeyExpired && app.key() == key })
}
