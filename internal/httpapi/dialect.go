package httpapi

import (
	"context"
	"errors"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// dialect is the form of a refusal. It belongs to the path of the request, and does
// not depend on what refuses: a limit, the host check, or the endpoint.
type dialect int

const (
	negotiated dialect = iota // a page for a browser, otherwise relayJSON
	page                      // a page for a person
	relayJSON                 // {"error_name":…,"error_message":…}
	oauthJSON                 // {"error":…,"error_description":…} (RFC 6749 section 5.2)
)

// dialectOf finds the dialect of a path. Doubled and trailing slashes do not
// change it.
func dialectOf(requested string) dialect {
	clean := rooted(requested)
	switch {
	case clean == api.PathAuthorize, clean == api.PathCallback, clean == pathContinue,
		within(clean, strings.TrimSuffix(problemPath, "/")),
		within(clean, api.PathDevice), within(clean, pathStart):
		return page
	case within(clean, "/oauth"), within(clean, "/.well-known"):
		return oauthJSON
	case within(clean, api.PathRedirect) && cleanPath(requested), within(clean, strings.TrimSuffix(pathResult, "/")):
		return negotiated
	case within(clean, api.PathRedirect): // where no script posts to
		return page
	case within(clean, "/auth"):
		return relayJSON
	case clean == pathOpenAPI:
		return relayJSON
	}
	return negotiated
}

// rooted returns path.Clean("/" + requested), in place if it is clean already.
func rooted(requested string) string {
	if strings.HasPrefix(requested, "/") {
		return path.Clean(requested)
	}
	return path.Clean("/" + requested)
}

// within reports whether a path is root or below it.
func within(path, root string) bool {
	rest, ok := strings.CutPrefix(path, root)
	return ok && (rest == "" || rest[0] == '/')
}

// wantsPage reports whether a person reads the answer to r. A GET of the redirect
// URI comes from a browser, whatever it accepts; scripts only post there.
func wantsPage(r *http.Request) bool {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	return reads && within(rooted(r.URL.Path), api.PathRedirect) ||
		strings.Contains(r.Header.Get("Accept"), "text/html")
}

// fail answers with an error in the path's dialect.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	d := w.(*record).dialect
	if d == negotiated {
		d = relayJSON
		if wantsPage(r) {
			d = page
		}
	}
	s.failIn(d, w, r, err)
}

// failIn answers with an error in a dialect.
func (s *Server) failIn(d dialect, w http.ResponseWriter, r *http.Request, err error) {
	rec := w.(*record)
	p := s.explain(rec, err)
	switch d {
	case oauthJSON:
		s.refuseOAuth(rec, r, p)
	case relayJSON:
		setRetryAfter(w, p.status(), p)
		_ = writeEncoded(w, p.status(), s.refusals.relay(p))
	default:
		s.refuseOnPage(w, r.WithContext(rec), p)
	}
}

// explain returns what the client may learn about err, and logs the rest.
func (s *Server) explain(rec *record, err error) *problem {
	p := problemOf(err)
	if p.fault != "" {
		s.log.ErrorContext(rec, p.fault, "err", err)
	}
	rec.problem, rec.reason = p.name, reasonOf(err)
	if p.refusal != nil {
		rec.reason = string(p.refusal.Kind)
		s.observer.Happened(Event{Name: EventRefusal, Outcome: rec.reason, App: rec.appName()})
	}
	if errors.Is(err, context.Canceled) && rec.Err() != nil {
		rec.problem = clientLeft
	}
	return p
}

// oauth returns what the OAuth server answers: errors of its endpoints are 400
// (RFC 6749 section 5.2), and requests that reach none keep HTTP's status.
func (p *problem) oauth() (name string, status int) {
	name, status = api.Errors[p.name].OAuth, p.status()
	if name == "" {
		name = api.InvalidRequest
	}
	switch status {
	case http.StatusMisdirectedRequest, http.StatusMethodNotAllowed, http.StatusTooManyRequests:
	default:
		if p.name != api.NoMethod && status < http.StatusInternalServerError {
			status = http.StatusBadRequest
		}
	}
	return name, status
}

// refuseOAuth answers an app. A device that polls gets slow_down instead of
// temporarily_unavailable, which would end its sign-in (RFC 8628 section 3.5).
func (s *Server) refuseOAuth(rec *record, r *http.Request, p *problem) {
	name, status := p.oauth()
	if name == api.TemporarilyUnavailable && rec.polls {
		name = api.SlowDown
		if rec.problem == api.TemporarilyUnavailable {
			rec.problem = name
		}
		if status == http.StatusServiceUnavailable {
			status = http.StatusBadRequest
		}
	}
	if p.name == api.InvalidClient && r.Header.Get("Authorization") != "" { // RFC 6749 section 5.2
		status = http.StatusUnauthorized
		rec.Header().Set("WWW-Authenticate", `Basic realm="DSS"`)
	}
	setRetryAfter(rec, status, p)
	_ = writeEncoded(rec, status, s.refusals.oauth(p, name))
}

// refuseOnPage answers a person with a page.
func (s *Server) refuseOnPage(w http.ResponseWriter, r *http.Request, p *problem) {
	pageHeaders.set(w.Header()) // also where a script may have posted
	if redirects(r, p.name) {
		_ = seeOther(w, problemPath+p.name+"#")
		return
	}
	setRetryAfter(w, p.status(), p)
	data := web.ProblemData{
		Status: p.status(), Name: p.name, Message: p.message(), RequestID: recordOf(r.Context()).id[0], Time: time.Now(),
		AuthorizedAppsURL: s.config.AuthorizedAppsURL, OAuth: s.config.servesOAuth(),
	}
	clean(w, r, &data)
	if rec := recordOf(r.Context()); p.refusal != nil {
		s.explainRefusal(rec, p.refusal, &data)
	} else if rec.listed != nil {
		data.App = s.appOnPage(rec.listed)
	}
	_ = s.page(w, r, data.Status, data)
}

// retryAfter is the Retry-After of answers that ask to try again, in seconds.
const retryAfter = "5"

// setRetryAfter says when to ask again, where the status asks for that.
func setRetryAfter(w http.ResponseWriter, status int, p *problem) {
	switch {
	case status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests:
	case p.retry > 0:
		w.Header().Set("Retry-After", strconv.FormatInt(seconds(p.retry), 10))
	default:
		w.Header().Set("Retry-After", retryAfter)
	}
}

// endpoints are parts of the names that the OAuth endpoints have at other servers.
// The first that fits a path wins.
var endpoints = []struct{ part, path string }{
	{"device", api.PathDeviceAuthorization},
	{"revo", api.PathRevoke},
	{"token", api.PathOAuthToken},
	{"auth", api.PathAuthorize},
}

// nowhere is the error of a path that no route serves.
func (s *Server) nowhere(path string) error {
	if !s.config.servesOAuth() {
		return &problem{
			name:   api.NoMethod,
			detail: "this server is reached over plain http and serves the key relay alone: OAuth needs https",
		}
	}
	return errNowhere(path)
}

// errNowhere is the error of an unknown path. It names the endpoint that was
// probably meant.
func errNowhere(requested string) error {
	hint := api.PathMetadata + " lists the endpoints"
	clean := strings.ToLower(rooted(requested))
	name := strings.ReplaceAll(clean, "oauth", "")
	if within(clean, "/auth") {
		hint = "see " + api.PathRedirect + " and " + api.PathToken
	} else {
		for _, e := range endpoints {
			if strings.Contains(name, e.part) {
				hint = "the endpoint may be " + e.path + "; " + api.PathMetadata + " lists all"
				break
			}
		}
	}
	return &problem{name: api.NoMethod, detail: api.Errors[api.NoMethod].Message + "; " + hint}
}
