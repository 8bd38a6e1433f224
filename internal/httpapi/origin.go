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
	return &problem{api.CrossOrigin, "only a page of this server may deposit"}
}
