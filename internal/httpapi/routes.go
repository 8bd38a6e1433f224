package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/origin"
)

// route is a pattern of [http.ServeMux] and what serves it.
type route struct {
	pattern string
	serve   http.HandlerFunc
}

// routes lists all routes.
func (s *Server) routes() []route {
	routes := slices.Concat(
		s.endpoint(api.PathRedirect, methods{get: s.getRedirect, head: true, post: s.postRedirect}),
		s.endpoint(api.PathRedirect+"/{appid}", methods{get: s.getRedirect, head: true, post: s.postRedirect}),
		s.endpoint(api.PathToken, methods{get: s.getToken, post: s.postToken}),
		[]route{
			{api.PathRedirect + "/", s.belowRedirectURI},
			{"/auth", s.unknownMethod}, // or ServeMux would redirect, with the query
			{"/auth/", s.unknownMethod},
			{"GET " + problemPath + "{name}", s.getProblem},
			{"GET /healthz", s.Healthz},
			{"GET /readyz", s.Readyz},
			{"GET /assets/{file}", s.asset},
			{"GET /{$}", s.home},
			{"/", s.notFound},
		})
	if s.config.Sandbox != nil {
		routes = append(routes, route{"/sandbox/", underOneRoute(s.config.Sandbox)})
	}
	if !s.config.servesOAuth() {
		return routes
	}
	return slices.Concat(routes,
		s.endpoint(api.PathMetadata, methods{get: s.getMetadata, head: true}),
		s.endpoint(api.PathOpenIDMetadata, methods{get: s.getOpenIDMetadata, head: true}),
		s.endpoint(api.PathJWKS, methods{get: s.jwks, head: true}),
		s.endpoint(api.PathAuthorize, methods{get: s.getAuthorize}),
		s.endpoint(api.PathCallback, methods{get: s.getCallback}),
		s.endpoint(api.PathDevice, methods{get: s.getDevice, head: true, post: s.postDevice}),
		[]route{{"GET " + api.PathDevice + "/{result}", s.getDeviceResult}},
		s.endpoint(api.PathDeviceAuthorization, methods{post: s.postDeviceAuthorization}),
		s.endpoint(api.PathOAuthToken, methods{post: s.postOAuthToken}),
		s.endpoint(api.PathRevoke, methods{post: s.postRevoke}),
	)
}

// servesOAuth reports whether the OAuth server can be used: its cookie needs
// https, or a server on the user's own machine.
func (c Config) servesOAuth() bool {
	return c.PublicURL.Scheme == "https" || origin.IsLoopback(c.PublicURL.Hostname())
}

// openToScripts are the paths that scripts of any site may use.
var openToScripts = []string{
	api.PathToken, api.PathMetadata, api.PathOpenIDMetadata, api.PathJWKS, api.PathDeviceAuthorization, api.PathOAuthToken,
	api.PathRevoke,
}

// methods are those that an endpoint takes; nil ones it does not.
type methods struct {
	get, post http.HandlerFunc
	head      bool // HEAD too, which get serves
}

// endpoint returns the routes of a path. Methods that it does not take are
// answered 405, and OPTIONS where scripts of any site may use it.
func (s *Server) endpoint(path string, m methods) []route {
	var routes []route
	var allow []string
	if m.get != nil {
		routes, allow = append(routes, route{"GET " + path, m.get}), append(allow, http.MethodGet)
	}
	if m.head {
		allow = append(allow, http.MethodHead)
	}
	if m.post != nil {
		routes, allow = append(routes, route{"POST " + path, m.post}), append(allow, http.MethodPost)
	}
	if slices.Contains(openToScripts, path) {
		routes = append(routes, route{"OPTIONS " + path, preflight(path, strings.Join(allow, ", "))})
		allow = append(allow, http.MethodOptions)
	}
	refuse := s.methodNotAllowed(strings.Join(allow, ", "))
	if m.get != nil && !m.head { // a GET pattern takes HEAD too
		routes = append(routes, route{"HEAD " + path, refuse})
	}
	return append(routes, route{path, refuse})
}

// preflight serves OPTIONS for scripts of other sites.
func preflight(path, methods string) http.HandlerFunc {
	headers := "*"
	if path != api.PathToken {
		headers = "Authorization, *" // * does not stand for Authorization
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Allow", methods+", OPTIONS")
		h.Set("Access-Control-Allow-Methods", methods)
		h.Set("Access-Control-Allow-Headers", headers)
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Server) methodNotAllowed(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		s.fail(w, r, &problem{name: api.MethodNotAllowed, detail: "use one of " + allow})
	}
}
