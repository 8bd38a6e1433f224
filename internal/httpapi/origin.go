package httpapi

import (
	"net/http"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/origin"
)

// sameOrigin refuses a request that cannot show that a page of this server
// sent it. A browser that knows Fetch Metadata says so in Sec-Fetch-Site; of
// another one only a matching Origin will do. A sandboxed frame sends "Origin:
// null" too.
func (s *Server) sameOrigin(r *http.Request) error {
	site, from := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	sent, ok := origin.Of(from)
	own := ok && sent == s.config.PublicURL.Scheme+"://"+r.Host
	switch {
	case len(r.Header.Values("Origin")) > 1 || len(r.Header.Values("Sec-Fetch-Site")) > 1:
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

// navigates refuses a request by which a browser does not show a page in a
// window of its own: pictures, frames and scripts of other sites can send as many
// as they like. Browsers that know Fetch Metadata say so, in headers that
// programs leave out.
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

// navigated has next serve navigations alone.
func (s *Server) navigated(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := navigates(r); err != nil {
			s.fail(w, r, err)
			return
		}
		next(w, r)
	}
}

// navigatedWithCode does so where the query has a user code to look up.
func (s *Server) navigatedWithCode(next http.HandlerFunc) http.HandlerFunc {
	navigated := s.navigated(next)
	return func(w http.ResponseWriter, r *http.Request) {
		if p, err := readParams("query", r.URL.RawQuery, "user_code"); err == nil && p["user_code"] == "" {
			next(w, r)
			return
		}
		navigated(w, r)
	}
}
