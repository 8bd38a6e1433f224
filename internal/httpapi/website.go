package httpapi

import (
	"net/http"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/docs"
	"github.com/desktop-stack-serv/dss/internal/site"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// Paths of the site, besides those of documents.
const (
	pathRobots        = "/robots.txt"
	pathSecurityText  = "/.well-known/security.txt"
	pathFavicon       = "/favicon.ico"
	pathSecurity      = "/security"
	pathAccessibility = "/accessibility"
	pathPrivacy       = "/privacy"
	pathStatus        = "/status"
	pathOpenAPI       = "/openapi.json"
)

// siteRoutes lists the routes of the pages and files that describe the server.
func (s *Server) siteRoutes() []route {
	routes := []route{
		{"GET " + site.DocsPath + "{document...}", s.document},
		{"GET " + pathSecurity, s.security},
		{"GET " + pathAccessibility, s.accessibility},
		{"GET " + pathPrivacy, s.privacy},
		{"GET " + pathStatus, s.status},
		{"GET " + pathSecurityText, s.securityText},
		{"GET " + pathRobots, s.robots},
		{"GET " + pathFavicon, s.favicon},
		{"GET /{$}", s.home},
		{"GET " + pathProgram, s.program},
	}
	if s.config.Sandbox != nil {
		routes = append(routes, route{"GET " + pathTried, s.tried})
	}
	return append(routes, s.endpoint(pathOpenAPI, methods{get: s.openAPI, head: true})...)
}

// document serves a page of the documentation.
func (s *Server) document(w http.ResponseWriter, r *http.Request) error {
	document, ok, err := s.documents.Find(r.PathValue("document"))
	switch {
	case err != nil:
		return err
	case !ok:
		return s.notFound(w, r)
	}
	return s.sitePage(w, r, document.Title, document.About, web.DocumentData{Body: document.Body})
}

// security serves the page that says how to report a weakness.
func (s *Server) security(w http.ResponseWriter, r *http.Request) error {
	return s.sitePage(w, r, "Security", "How to report a weakness of this server or of DSS, and what DSS defends against.",
		web.SecurityData{Contact: s.config.Operator.Contact})
}

// accessibility serves the statement about accessibility.
func (s *Server) accessibility(w http.ResponseWriter, r *http.Request) error {
	return s.sitePage(w, r, "Accessibility", "What is done and tested so that everybody can use the pages of DSS.",
		web.AccessibilityData{Contact: s.config.Operator.Contact})
}

// sitePage shows a page of the site, which search engines may find.
func (s *Server) sitePage(w http.ResponseWriter, r *http.Request, title, about string, content web.SiteContent) error {
	if _, private := content.(web.TriedData); !private {
		w.Header().Del("X-Robots-Tag")
	}
	body, err := s.pages.RenderSite(web.Site{
		Title: title, About: about, Path: r.URL.Path, PublicURL: s.config.PublicURL.String(),
		Operator: s.config.Operator.Name, Homepage: s.config.Operator.URL,
		Source: site.Source, Version: s.config.Version, Content: content,
	})
	if err != nil {
		return err
	}
	return writePage(w, http.StatusOK, "en", body)
}

// securityText serves security.txt (RFC 9116), if the operator has named a contact.
func (s *Server) securityText(w http.ResponseWriter, r *http.Request) error {
	if s.config.Operator.Contact == "" {
		return s.notFound(w, r)
	}
	text := site.SecurityText(s.config.PublicURL.String(), s.config.Operator.Contact, time.Now())
	return writeText(w, text)
}

// robots serves robots.txt. Below the paths that it names, there are requests for
// apps and their users only.
func (s *Server) robots(w http.ResponseWriter, _ *http.Request) error {
	return writeText(w, site.Robots(
		"/auth/", "/oauth/", api.PathDevice, problemPath, "/sandbox/", pathStartTry, pathStartReport))
}

func writeText(w http.ResponseWriter, text string) error {
	dataHeaders.replace(w.Header())
	return write(w, http.StatusOK, textContent, []byte(text))
}

// openAPI serves the description of the API, with addresses relative to its own.
func (s *Server) openAPI(w http.ResponseWriter, _ *http.Request) error {
	return writeEncoded(w, http.StatusOK, docs.OpenAPI)
}

// favicon serves the icon to those that look for it here only.
func (s *Server) favicon(w http.ResponseWriter, _ *http.Request) error {
	icon := web.Favicon()
	assetHeaders.replace(w.Header())
	w.Header().Set("Cache-Control", "public, max-age=86400") // its name does not change with it
	return write(w, http.StatusOK, []string{icon.ContentType}, icon.Body)
}
