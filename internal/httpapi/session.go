package httpapi

import (
	"crypto/rand"
	"net/http"

	"github.com/desktop-stack-serv/dss/internal/relay"
)

// sessionCookie tells one browser from another while it signs in. It is the
// only cookie, and holds nothing but random text.
const sessionCookie = "__Host-dss"

// sessionSeconds outlives a sign-in and not much more.
const sessionSeconds = 60 * 60

// browserSession returns the session of the browser that sent r, and starts
// one if there is none.
func browserSession(w http.ResponseWriter, r *http.Request) relay.Secret {
	cookie, err := r.Cookie(sessionCookie)
	if err == nil && len(cookie.Value) == len(rand.Text()) {
		return relay.NewSecret(cookie.Value)
	}
	session := rand.Text()
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: session, Path: "/", MaxAge: sessionSeconds,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	return relay.NewSecret(session)
}
