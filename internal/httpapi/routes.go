package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// handler serves requests. The error that it returns is the answer, unless one has
// begun: then it is that of a client that left.
type handler func(http.ResponseWriter, *http.Request) error

// route is a pattern of [http.ServeMux] and its handler.
type route struct {
	pattern string
	serve   handler
}

// Handler returns the handler of the whole server.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, route := range s.routes() {
		if !slices.Contains(frequent, route.pattern) {
			route.serve = inContext(route.serve)
		}
		mux.HandleFunc(route.pattern, s.answer(route.serve))
	}
	return s.chain(s.headers, s.guard, mux)
}

// frequent are the routes of most requests. Their handlers take the record of the
// request for its context, which spares each of these requests a copy of itself,
// and each claim that waits the memory of that.
var frequent = []string{
	"GET " + api.PathToken, "POST " + api.PathToken, "POST " + api.PathRedirect, "POST " + api.PathOAuthToken,
}

// inContext gives the request its record as context.
func inContext(serve handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error { return serve(w, r.WithContext(w.(*record))) }
}

func (s *Server) answer(serve handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rec := w.(*record)
		if err := serve(rec, r); err != nil && rec.status == 0 {
			s.fail(rec, r, err)
		}
	}
}

// routes lists all routes.
func (s *Server) routes() []route {
	routes := slices.Concat(
		s.endpoint(api.PathRedirect, methods{get: s.getRedirect, head: true, post: s.postRedirect}),
		s.endpoint(api.PathRedirect+"/{appid}", methods{get: s.getRedirect, head: true, post: s.postRedirect}),
		s.endpoint(pathResult+"{result}", methods{get: s.getResult, head: true}),
		s.endpoint(api.PathToken, methods{get: s.claim, post: s.claim}),
		[]route{
			{api.PathRedirect + "/", s.belowRedirectURI},
			{"/auth", s.unknownMethod}, // or ServeMux would redirect, with the query
			{"/auth/", s.unknownMethod},
			{"GET " + problemPath + "{name}", s.getProblem},
			{"GET /healthz", plain(s.Healthz)},
			{"GET /readyz", plain(s.Readyz)},
			{"GET " + assetPath + "{file}", s.asset},
			{"GET " + api.PathDone, s.result(web.ResultDone)},
			{"GET " + api.PathDenied, s.result(web.ResultDenied)},
			{"GET " + api.PathFailed, s.result(web.ResultFailed)},
			{"POST " + pathLanguage, s.postLanguage},
			{"/", s.notFound},
		},
		s.startRoutes(), s.siteRoutes())
	if s.config.Sandbox != nil {
		routes = append(routes, route{"/sandbox/", s.underOneRoute(s.config.Sandbox)})
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
		s.endpoint(pathContinue, methods{get: s.getContinue, head: true, post: s.postContinue}),
		s.endpoint(api.PathDevice, methods{get: s.getDevice, head: true, post: s.postDevice}),
		s.endpoint(api.PathDevice+"/{result}", methods{get: s.getDeviceResult, head: true, post: s.postDeviceResult}),
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
	api.PathRevoke, pathOpenAPI,
}

// methods are those that an endpoint takes.
type methods struct {
	get, post handler
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
	allowed := strings.Join(allow, ", ")
	refuse := func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Allow", allowed)
		return &problem{name: api.MethodNotAllowed, detail: "use one of " + allowed}
	}
	if m.get != nil && !m.head { // a GET pattern takes HEAD too
		routes = append(routes, route{"HEAD " + path, refuse})
	}
	return append(routes, route{path, refuse})
}

// preflight serves OPTIONS for scripts of other sites.
func preflight(path, methods string) handler {
	headers := "*"
	if path != api.PathToken {
		headers = "Authorization, *" // * does not stand for Authorization
	}
	return func(w http.ResponseWriter, _ *http.Request) error {
		h := w.Header()
		h.Set("Allow", methods+", OPTIONS")
		h.Set("Access-Control-Allow-Methods", methods)
		h.Set("Access-Control-Allow-Headers", headers)
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
}

// plain adapts a handler that returns no error.
func plain(serve http.HandlerFunc) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		serve(w, r)
		return nil
	}
}

// underOneRoute keeps the patterns of next's own routes out of log and metrics, and
// has its pages in the language of ours.
func (s *Server) underOneRoute(next http.Handler) handler {
	return plain(func(w http.ResponseWriter, r *http.Request) {
		inner := *r
		inner.Header = maps.Clone(r.Header)
		inner.Header.Set("Accept-Language", s.language(r).Tag)
		next.ServeHTTP(w, &inner)
	})
}
