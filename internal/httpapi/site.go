package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// readyTimeout bounds how long the store may take to answer a readiness probe.
const readyTimeout = 2 * time.Second

// home serves the page for app authors.
func (s *Server) home(w http.ResponseWriter, r *http.Request) {
	w.Header().Del("X-Robots-Tag") // search engines may find it
	body, err := s.pages.Home(web.HomeData{
		PublicURL: s.config.PublicURL.String(), OAuth: s.config.servesOAuth(), Sandbox: s.config.Sandbox != nil,
		Version: s.config.Version,
	})
	s.page(w, r, http.StatusOK, body, err)
}

// asset serves a style sheet, script or picture. Its name carries a hash of
// its content, so a browser may keep it.
func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	asset, exact, ok := s.pages.Asset(r.PathValue("file"))
	switch {
	case !ok:
		s.notFound(w, r)
		return
	case !exact: // not to be kept under this name
		assetHeaders.replace(w.Header())
		w.Header().Set("Cache-Control", "no-store")
		_ = write(w, http.StatusOK, asset.ContentType, asset.Body)
		return
	}
	h := w.Header()
	assetHeaders.replace(h)
	h.Set("ETag", asset.ETag)
	if r.Header.Get("If-None-Match") == asset.ETag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_ = write(w, http.StatusOK, asset.ContentType, asset.Body)
}

// Healthz says that the process lives.
func (s *Server) Healthz(w http.ResponseWriter, _ *http.Request) {
	dataHeaders.replace(w.Header())
	_ = write(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
}

// Readyz says whether to send requests here: the store is to be relied on, and
// the server is not shutting down.
func (s *Server) Readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	status, body := http.StatusOK, "ready\n"
	if err := s.config.Ready(ctx); err != nil {
		s.log.WarnContext(ctx, "not ready", "err", err)
		status, body = http.StatusServiceUnavailable, "the store does not answer, or does not take what is written\n"
	}
	if s.draining.Err() != nil {
		status, body = http.StatusServiceUnavailable, "shutting down\n"
	}
	if status != http.StatusOK {
		w.Header().Set("Retry-After", retryAfter)
	}
	dataHeaders.replace(w.Header())
	_ = write(w, status, "text/plain; charset=utf-8", []byte(body))
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.config.servesOAuth() && nearDevice(r.URL.Path):
		s.toDevice(w, r)
	case recordOf(r.Context()).dialect == oauthJSON || wantsJSON(r):
		s.failIn(oauthJSON, w, r, s.nowhere(r.URL.Path))
	default:
		s.failIn(page, w, r, &problem{name: api.NotFound})
	}
}

func (s *Server) unknownMethod(w http.ResponseWriter, r *http.Request) {
	if belowRedirect(r.URL.Path) { // with an escaped slash
		s.belowRedirectURI(w, r)
		return
	}
	s.fail(w, r, errNowhere(r.URL.Path))
}

// underOneRoute keeps the patterns of next's own routes out of log and metrics.
func underOneRoute(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		inner := *r
		next.ServeHTTP(w, &inner)
	}
}
