package httpapi

import (
	"net/http"

	"github.com/desktop-stack-serv/dss/api"
)

// sameOrigin refuses a request that cannot show that a page of this server
// sent it. With Referrer-Policy: no-referrer a browser's form sends "Origin:
// null", so Sec-Fetch-Site decides where it is sent; without it, only a
// matching Origin will do.
func (s *Server) sameOrigin(r *http.Request) error {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	own := s.config.PublicURL.Scheme + "://" + r.Host
	switch {
	case len(r.Header.Values("Origin")) > 1 || len(r.Header.Values("Sec-Fetch-Site")) > 1:
	case site == "same-origin" && (origin == "" || origin == "null" || origin == own):
		return nil
	case site == "" && origin == own:
		return nil
	}
	return &problem{api.CrossOrigin, "only a page of this server may deposit"}
}
