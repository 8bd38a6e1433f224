package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/limit"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// oauthProblem is an error of the OAuth server on its way to an app (RFC 6749
// section 5.2).
type oauthProblem struct {
	name    string
	message string
}

func (p *oauthProblem) Error() string { return p.name + ": " + p.message }

// oauthNames is the one table of the grants' errors and what apps are told.
var oauthNames = []struct {
	err  error
	name string
}{
	{oauth.ErrInvalidGrant, api.InvalidGrant},
	{oauth.ErrPending, api.AuthorizationPending},
	{oauth.ErrSlowDown, api.SlowDown},
	{oauth.ErrExpired, api.ExpiredToken},
	{oauth.ErrDenied, api.AccessDenied},
	{oauth.ErrInvalidClient, api.InvalidClient},
	{oauth.ErrInvalidState, api.InvalidRequest},
	{oauth.ErrInvalidScope, api.InvalidScope},
	{oauth.ErrInvalidChallenge, api.InvalidRequest},
	{oauth.ErrUnavailable, api.TemporarilyUnavailable},
	{stackexchange.ErrUnavailable, api.TemporarilyUnavailable},
	{sealed.ErrFull, api.TemporarilyUnavailable},
	{context.Canceled, api.TemporarilyUnavailable},
}

// oauthStatus is the status of an answer. An endpoint's errors are 400 (RFC 6749
// section 5.2); requests that reach no endpoint keep HTTP's status.
func oauthStatus(err error, name string) int {
	var p *problem
	if errors.As(err, &p) {
		switch p.name {
		case api.MisdirectedRequest, api.NoMethod, api.MethodNotAllowed:
			return statusOf[p.name]
		}
	}
	if name == api.TemporarilyUnavailable {
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// explainOAuth turns err into what the app may see, and logs what it may not.
func (s *Server) explainOAuth(r *http.Request, err error) *oauthProblem {
	p, known := asOAuthProblem(err)
	if !known {
		s.log.ErrorContext(r.Context(), "store failed", "err", err)
	}
	name := p.name
	var refused *problem
	if errors.As(err, &refused) {
		name = refused.name
	}
	noteError(r, err, name)
	noteReason(r.Context(), reasonOf(err))
	return p
}

// reasonOf is what the log says of an error besides its name: what is wrong
// with a code, and what Stack Exchange or the network has said.
func reasonOf(err error) string {
	code, isCode := errors.AsType[*oauth.CodeError](err)
	refused, isRefused := errors.AsType[*stackexchange.RefusedError](err)
	switch {
	case isCode && isRefused:
		return code.Reason + ": " + refused.Error()
	case isCode:
		return code.Reason
	case isRefused, errors.Is(err, stackexchange.ErrUnavailable):
		return err.Error()
	}
	return ""
}

// asOAuthProblem finds what to tell the app about err. known is false for
// errors that only the log may see.
func asOAuthProblem(err error) (_ *oauthProblem, known bool) {
	var already *oauthProblem
	if errors.As(err, &already) {
		return already, true
	}
	var p *problem
	if errors.As(err, &p) {
		return &oauthProblem{api.InvalidRequest, p.message}, true
	}
	var exceeded *limit.Exceeded
	if errors.As(err, &exceeded) {
		return &oauthProblem{api.TemporarilyUnavailable, throttled(exceeded).message}, true
	}
	for _, n := range oauthNames {
		if !errors.Is(err, n.err) {
			continue
		}
		if code, ok := errors.AsType[*oauth.CodeError](err); ok {
			return &oauthProblem{n.name, code.Error()}, true
		}
		return &oauthProblem{n.name, n.err.Error()}, true
	}
	if _, ok := errors.AsType[*stackexchange.RefusedError](err); ok {
		return &oauthProblem{api.TemporarilyUnavailable, "Stack Exchange refused this for now; try again later"}, true
	}
	return &oauthProblem{api.TemporarilyUnavailable, "the store cannot be reached; try again in a moment"}, false
}

// failOAuth answers an app. What is only for now is slow_down for a device that
// polls: it would take everything else for the end (RFC 8628 section 3.5).
func (s *Server) failOAuth(w http.ResponseWriter, r *http.Request, err error) {
	unavailable := api.TemporarilyUnavailable
	if _, polls := errors.AsType[pollError](err); polls {
		unavailable = api.SlowDown
	}
	var exceeded *limit.Exceeded
	if errors.As(err, &exceeded) {
		s.throttleOAuth(w, r, exceeded, unavailable)
		return
	}
	p := s.explainOAuth(r, err)
	status := oauthStatus(err, p.name)
	switch {
	case p.name == api.TemporarilyUnavailable && unavailable == api.SlowDown:
		p, status = &oauthProblem{unavailable, p.message}, http.StatusBadRequest
		noteError(r, err, p.name)
	case status == http.StatusServiceUnavailable:
		setRetryAfter(w, status, err)
	case p.name == api.InvalidClient && r.Header.Get("Authorization") != "": // RFC 6749 section 5.2
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Basic realm="DSS"`)
	}
	_ = writeJSON(w, status, api.OAuthError{Error: p.name, Description: p.message})
}

// oauthForm are the parameters of a POST to the OAuth server that its endpoint
// reads: those with one of names, and the client's. Those without a value count
// as left out, and all others are ignored (RFC 6749 section 3.2).
func oauthForm(w http.ResponseWriter, r *http.Request, names ...string) (params, error) {
	names = append(names, "client_id", "client_secret")
	if err := refuseInQuery(r, names...); err != nil {
		return nil, err
	}
	body, err := formBody(w, r)
	if err != nil {
		return nil, err
	}
	form, err := readParams("body", body, names...)
	if err != nil {
		return nil, err
	}
	for name, value := range form {
		if value == "" {
			delete(form, name)
		}
	}
	return form, nil
}

// client is who sends a request to the OAuth server. All clients are public.
type client struct {
	id    string
	basic bool // it came with HTTP Basic authentication
}

// clientOf reads the client's id from the form, or from HTTP Basic
// authentication with an empty password (RFC 6749 section 2.3.1).
func clientOf(r *http.Request, form params) (client, error) {
	if form.has("client_secret") {
		return client{}, errSecret
	}
	if r.Header.Get("Authorization") == "" {
		return client{id: form["client_id"]}, nil
	}
	user, password, ok := r.BasicAuth()
	id, err := url.QueryUnescape(user)
	switch {
	case !ok || err != nil || id == "":
		return client{}, &oauthProblem{api.InvalidClient, "the Authorization header is not HTTP Basic with a client_id"}
	case password != "":
		return client{}, errSecret
	case form.has("client_id") && form["client_id"] != id:
		return client{}, &oauthProblem{api.InvalidRequest, "client_id differs from the one in the Authorization header"}
	}
	return client{id, true}, nil
}

var errSecret = &oauthProblem{api.InvalidClient, "clients here are public: send no client secret"}

// preflightOAuth serves OPTIONS for scripts of other sites.
func preflightOAuth(allow string) http.HandlerFunc {
	methods := strings.TrimSuffix(allow, ", OPTIONS")
	return func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Allow", allow)
		h.Set("Access-Control-Allow-Methods", methods)
		h.Set("Access-Control-Allow-Headers", "Authorization, *") // * does not stand for Authorization
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
	}
}
