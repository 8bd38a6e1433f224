package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/desktop-stack-serv/dss/internal/web"
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
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if slices.Contains(openToScripts, r.URL.Path) {
		h.Set("Access-Control-Allow-Origin", "*")
	}
}

// write sends a whole answer.
func write(w http.ResponseWriter, status int, contentType string, body []byte) error {
	h := w.Header()
	h["Content-Type"] = []string{contentType}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	if _, err := w.Write(body); !errors.Is(err, http.ErrBodyNotAllowed) {
		return err
	}
	return nil
}

// writeJSON answers a program. Scripts that may read an answer may read what a
// refusal says in headers, too.
func writeJSON(w http.ResponseWriter, status int, body any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		return err
	}
	h := w.Header()
	if status >= http.StatusBadRequest && h["Access-Control-Allow-Origin"] != nil {
		h.Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
	}
	dataHeaders.replace(h)
	return write(w, status, "application/json", text.Bytes())
}

// page renders and sends a page.
func (s *Server) page(w http.ResponseWriter, r *http.Request, status int, data web.Page) error {
	body, err := s.pages.Render(data)
	if err != nil {
		s.log.ErrorContext(r.Context(), "page not rendered", "err", err)
		status, body = http.StatusInternalServerError, []byte("internal error")
	}
	if bytes.Contains(body, []byte("<form")) { // text from outside is escaped
		// A browser that may not send a referrer sends "Origin: null" with the form.
		w.Header().Set("Referrer-Policy", "strict-origin")
	}
	return write(w, status, "text/html; charset=utf-8", body)
}

// seeOther redirects the browser to a GET, whatever its method was.
func seeOther(w http.ResponseWriter, target string) error {
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}
