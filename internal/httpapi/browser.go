package httpapi

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// sameOrigin refuses a request that cannot show that a page of this server
// sent it: in Sec-Fetch-Site if the browser has Fetch Metadata, otherwise by a
// matching Origin. A sandboxed frame sends "Origin: null" too.
func (s *Server) sameOrigin(r *http.Request) error {
	sites, origins := r.Header["Sec-Fetch-Site"], r.Header["Origin"]
	site, from := first(sites), first(origins)
	sent, ok := origin.Of(from)
	own := ok && sent == s.config.PublicURL.Scheme+"://"+r.Host
	switch {
	case len(origins) > 1 || len(sites) > 1:
	case site == "same-origin" && (from == "" || from == "null" || own):
		return nil
	case site == "" && own:
		return nil
	}
	return &problem{name: api.CrossOrigin}
}

var errNoNavigation = &problem{
	name: api.CrossOrigin, detail: "open this address in a window of a browser: a page cannot load it as a part of itself",
}

// navigates refuses requests of pictures, frames and scripts, of which a page of
// another site can send many. Browsers with Fetch Metadata mark navigations;
// programs send no such headers.
func navigates(r *http.Request) error {
	for name, want := range map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"} {
		for _, value := range r.Header.Values(name) {
			if value != want {
				return errNoNavigation
			}
		}
	}
	return nil
}

// toPublicHost redirects a browser that has come by another name of this server to
// the public one: the cookie has to be where Stack Exchange sends the browser back
// to.
func (s *Server) toPublicHost(w http.ResponseWriter, r *http.Request) error {
	return seeOther(w, s.config.PublicURL.String()+r.URL.RequestURI()+"#")
}

var errPrefetch = invalid("a prefetch deposits, claims, starts or finishes nothing")

// prefetched reports whether the browser fetches ahead of the user.
func prefetched(r *http.Request) bool {
	for _, name := range [...]string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		if first(r.Header[name]) != "" {
			return true
		}
	}
	return false
}

// The cookies. They identify a browser while it signs in, and hold only random
// text. The relay's is sent only from this server's own pages. Each sign-in at the
// OAuth server has its own, which must come back from Stack Exchange with the
// browser; its value begins with the time in milliseconds, in base 36.
const (
	relayCookie = "dss"
	flowCookie  = "dss-flow-" // and the flow

	// relaySeconds outlives a deposit and not much more.
	relaySeconds = 60 * 60
	// maxFlows bounds the sign-ins that a browser can have under way, and so
	// the size of what it sends with each request.
	maxFlows = 8
)

// randomSize is how long the texts of [rand.Text] are.
var randomSize = len(rand.Text())

// secureCookies reports whether browsers use https, which a cookie with the prefix
// __Host- needs. WebKit drops Secure cookies over plain http even on loopback.
func (s *Server) secureCookies() bool { return s.config.PublicURL.Scheme == "https" }

func (s *Server) cookieName(name string) string {
	if s.secureCookies() {
		return "__Host-" + name
	}
	return name
}

// setCookie sets a cookie that ends after some seconds; negative ones end it
// at once.
func (s *Server) setCookie(w http.ResponseWriter, name, value string, seconds int, sameSite http.SameSite) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: seconds,
		Secure: s.secureCookies(), HttpOnly: true, SameSite: sameSite,
	})
}

// relayBrowser returns the secret of the browser that deposits, and gives it
// one if it has none.
func (s *Server) relayBrowser(w http.ResponseWriter, r *http.Request) secret.Text {
	if known := s.knownBrowser(r); !known.IsZero() {
		return known
	}
	value := rand.Text()
	s.setCookie(w, s.cookieName(relayCookie), value, relaySeconds, http.SameSiteStrictMode)
	return secret.New(value)
}

// knownBrowser returns the secret of a browser that has deposited; the zero Text if
// it has none.
func (s *Server) knownBrowser(r *http.Request) secret.Text {
	cookie, err := r.Cookie(s.cookieName(relayCookie))
	if err != nil || len(cookie.Value) != randomSize {
		return secret.Text{}
	}
	return secret.New(cookie.Value)
}

// flowBrowser returns the browser that r comes from.
func (s *Server) flowBrowser(r *http.Request) oauth.Browser {
	return func(flow string) secret.Text {
		cookie, err := r.Cookie(s.cookieName(flowCookie) + flow)
		if err != nil {
			return secret.Text{}
		}
		if _, random, _ := strings.Cut(cookie.Value, "."); len(random) != randomSize {
			return secret.Text{}
		}
		return secret.New(cookie.Value)
	}
}

// newcomer returns the browser that r comes from, for a sign-in that begins there.
// It gets a secret where it has none, which keep sends it.
func (s *Server) newcomer(w http.ResponseWriter, r *http.Request) (browser oauth.Browser, keep func()) {
	var name string
	var given secret.Text
	has := s.flowBrowser(r)
	browser = func(flow string) secret.Text {
		if own := has(flow); !own.IsZero() {
			return own
		}
		if given.IsZero() {
			given = secret.New(strconv.FormatInt(time.Now().UnixMilli(), 36) + "." + rand.Text())
		}
		name = flow // the last one that was asked for
		return given
	}
	return browser, func() {
		if !given.IsZero() {
			s.setFlowCookie(w, r, name, given)
		}
	}
}

// setFlowCookie gives a browser the secret of a flow. If it has too many, the
// oldest go.
func (s *Server) setFlowCookie(w http.ResponseWriter, r *http.Request, flow string, value secret.Text) {
	prefix := s.cookieName(flowCookie)
	others := s.flowCookies(r)
	for _, old := range others[min(len(others), maxFlows-1):] {
		s.setCookie(w, old.Name, "", -1, http.SameSiteLaxMode)
	}
	s.setCookie(w, prefix+flow, value.Reveal(), int(s.grants.Life().Seconds()), http.SameSiteLaxMode)
}

// flowCookies returns the cookies of the sign-ins in a browser, the newest first.
func (s *Server) flowCookies(r *http.Request) []*http.Cookie {
	flows := slices.DeleteFunc(r.Cookies(), func(c *http.Cookie) bool {
		return !strings.HasPrefix(c.Name, s.cookieName(flowCookie))
	})
	slices.SortFunc(flows, func(a, b *http.Cookie) int { return cmp.Compare(begun(b), begun(a)) })
	return flows
}

// lastFlow returns the flow of the sign-in that a browser has started last; "" if
// there is none.
func (s *Server) lastFlow(r *http.Request) string {
	flows := s.flowCookies(r)
	if len(flows) == 0 {
		return ""
	}
	return strings.TrimPrefix(flows[0].Name, s.cookieName(flowCookie))
}

// begun is when the sign-in of a cookie began, in milliseconds.
func begun(cookie *http.Cookie) int64 {
	text, _, _ := strings.Cut(cookie.Value, ".")
	at, _ := strconv.ParseInt(text, 36, 64) // an unreadable cookie is old
	return at
}
