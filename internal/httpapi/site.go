package httpapi

import (
	"net/http"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// readyTimeout bounds how long the store may take to answer a readiness probe.
const readyTimeout = 2 * time.Second

// result serves a page that says how a sign-in went, after a listener on the user's
// machine has read the response. It knows nothing of the sign-in.
func (s *Server) result(result web.Result) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return s.page(w, r, http.StatusOK, web.ResultData{Result: result})
	}
}

// asset serves a style sheet, script or picture, or the icon of an app. Its name
// carries a hash of its content, so a browser may keep it.
func (s *Server) asset(w http.ResponseWriter, r *http.Request) error {
	asset, exact, ok := web.FindAsset(r.PathValue("file"))
	h := w.Header()
	if !ok {
		icon, found := s.config.Apps.Icon(r.PathValue("file"))
		if !found {
			return s.notFound(w, r)
		}
		assetHeaders.replace(h)
		return write(w, http.StatusOK, pngContent, icon)
	}
	assetHeaders.replace(h)
	if !exact { // not to be kept under this name
		h.Set("Cache-Control", "no-store")
	} else {
		h.Set("ETag", asset.ETag)
		if r.Header.Get("If-None-Match") == asset.ETag {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	return write(w, http.StatusOK, []string{asset.ContentType}, asset.Body)
}

// Healthz answers while the process runs.
func (s *Server) Healthz(w http.ResponseWriter, _ *http.Request) {
	dataHeaders.replace(w.Header())
	_ = write(w, http.StatusOK, textContent, []byte("ok\n"))
}

// Readyz says whether to send requests here: the store works, and the server is
// not shutting down.
func (s *Server) Readyz(w http.ResponseWriter, r *http.Request) {
	status, body := http.StatusOK, "ready\n"
	if err := s.ready(r.Context()); err != nil {
		s.log.WarnContext(r.Context(), "not ready", "err", err)
		status, body = http.StatusServiceUnavailable, "the store does not answer, or does not take what is written\n"
	}
	if s.draining.Err() != nil {
		status, body = http.StatusServiceUnavailable, "shutting down\n"
	}
	if status != http.StatusOK {
		w.Header().Set("Retry-After", retryAfter)
	}
	dataHeaders.replace(w.Header())
	_ = write(w, status, textContent, []byte(body))
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) error {
	switch {
	case s.config.servesOAuth() && strings.EqualFold(strings.TrimSuffix(r.URL.Path, "/"), api.PathDevice):
		// People type such addresses for the device page. Of the query only a code is kept.
		p, _ := readParams("query", r.URL.RawQuery, "user_code")
		return s.seeUserCode(w, p.get("user_code"))
	case recordOf(r.Context()).dialect == oauthJSON,
		!wantsPage(r) && strings.Contains(r.Header.Get("Accept"), "application/json"):
		s.failIn(oauthJSON, w, r, s.nowhere(r.URL.Path))
	default:
		s.failIn(page, w, r, &problem{name: api.NotFound})
	}
	return nil
}

func (s *Server) unknownMethod(w http.ResponseWriter, r *http.Request) error {
	if belowRedirect(r.URL.Path) { // with an escaped slash
		return s.belowRedirectURI(w, r)
	}
	return errNowhere(r.URL.Path)
}
