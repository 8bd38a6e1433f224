package httpapi

import (
	"crypto/rand"
	"net/http"

	"github.com/desktop-stack-serv/dss/internal/relay"
)

// The cookies. Both tell one browser from another while it signs in, and hold
// nothing but random text. The first goes only where this server's own pages
// lead; the second has to come along when Stack Exchange sends the browser
// back.
const (
	relayName = "__Host-dss"
	flowName  = "__Host-dss-flow"
)

// sessionSeconds outlives a sign-in and not much more.
const sessionSeconds = 60 * 60

// browserSession returns the session of the browser that deposits, and starts
// one if there is none.
func browserSession(w http.ResponseWriter, r *http.Request) relay.Secret {
	if secret := cookie(r, relayName); !secret.IsZero() {
		return secret
	}
	return setCookie(w, relayName, rand.Text(), http.SameSiteStrictMode)
}

// flowSession returns the session of the browser that starts a sign-in at the
// OAuth server. It starts one if there is none, and prolongs it if there is.
func flowSession(w http.ResponseWriter, r *http.Request) relay.Secret {
	secret := flowCookie(r)
	if secret.IsZero() {
		secret = relay.NewSecret(rand.Text())
	}
	return setCookie(w, flowName, secret.Reveal(), http.SameSiteLaxMode)
}

// flowCookie returns the session of the browser that comes back; zero if it
// has none.
func flowCookie(r *http.Request) relay.Secret { return cookie(r, flowName) }

func cookie(r *http.Request, name string) relay.Secret {
	cookie, err := r.Cookie(name)
	if err != nil || len(cookie.Value) != len(rand.Text()) {
		return relay.Secret{}
	}
	return relay.NewSecret(cookie.Value)
}

func setCookie(w http.ResponseWriter, name, value string, sameSite http.SameSite) relay.Secret {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: sessionSeconds,
		Secure: true, HttpOnly: true, SameSite: sameSite,
	})
	return relay.NewSecret(value)
}
