package httpapi

import (
	"maps"
	"net/http"
	"slices"
)

// headerClass is a set of headers that answers of one kind carry. Its values
// are never changed in place, only exchanged.
type headerClass http.Header

const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// The classes. Besides these, every answer has an X-Request-Id and, if the
// public URL is https, Strict-Transport-Security.
var (
	// pageHeaders go out with pages, problem pages and redirects.
	pageHeaders = headerClass{
		"Content-Security-Policy":      {contentSecurityPolicy},
		"Referrer-Policy":              {"no-referrer"},
		"Cache-Control":                {"no-store"},
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Origin-Agent-Cluster":         {"?1"},
		"X-Content-Type-Options":       {"nosniff"},
		"X-Frame-Options":              {"DENY"},
		"X-Robots-Tag":                 {"noindex"},
		"Permissions-Policy": {"accelerometer=(), ambient-light-sensor=(), camera=(), clipboard-read=(), " +
			"display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()"},
	}
	// dataHeaders go out with what programs read: JSON and plain text.
	dataHeaders = headerClass{
		"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
		"Cache-Control":           {"no-store"},
		"X-Content-Type-Options":  {"nosniff"},
	}
	// assetHeaders go out with style sheets, scripts and pictures.
	assetHeaders = headerClass{
		"Cache-Control":                {"public, max-age=31536000, immutable"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"X-Content-Type-Options":       {"nosniff"},
	}
)

// set adds the headers of class c to h.
func (c headerClass) set(h http.Header) { maps.Copy(h, http.Header(c)) }

// replace gives h the headers of class c in the place of a page's, if it has
// those.
func (c headerClass) replace(h http.Header) {
	if h["X-Frame-Options"] == nil {
		return
	}
	for name := range pageHeaders {
		delete(h, name)
	}
	c.set(h)
}

// SetPageHeaders sets the headers that pages have.
func SetPageHeaders(h http.Header) { pageHeaders.set(h) }

// formHeaders replace those of a page with a form: a browser that may not send
// a referrer sends "Origin: null" with the form.
var (
	formHeaders = http.Header{"Referrer-Policy": {"strict-origin"}}
	formTag     = []byte("<form")
)

// crossOriginHeaders let scripts of any site read answers meant for apps, and
// refusalHeaders those of a refusal.
var (
	crossOriginHeaders = http.Header{"Access-Control-Allow-Origin": {"*"}}
	refusalHeaders     = http.Header{"Access-Control-Expose-Headers": {"Retry-After, X-Request-Id"}}
)

var strictTransport = http.Header{"Strict-Transport-Security": {"max-age=31536000"}}

// headers sets the headers of every answer, unless it turns out to be of another
// class.
func (s *Server) headers(rec *record, r *http.Request) {
	h := rec.Header()
	switch rec.dialect {
	case relayJSON, oauthJSON:
		dataHeaders.set(h)
	default:
		pageHeaders.set(h)
	}
	if s.config.PublicURL.Scheme == "https" {
		maps.Copy(h, strictTransport)
	}
	if slices.Contains(openToScripts, r.URL.Path) {
		maps.Copy(h, crossOriginHeaders)
	}
}
