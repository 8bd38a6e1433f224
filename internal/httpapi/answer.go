package httpapi

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/web"
	"github.com/desktop-stack-serv/dss/internal/web/text"
)

// headerClass is a set of headers that answers of one kind carry. All answers
// share the values, which spares each its own: values are exchanged, never changed
// in place, and [http.Header.Add] copies them, because they have no room for more.
type headerClass []header

type header struct {
	name   string
	values []string
}

func newHeaderClass(values map[string]string) (c headerClass) {
	for name, value := range values {
		c = append(c, header{name, []string{value}})
	}
	return c
}

const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// The classes. Besides these, every answer has an X-Request-Id and, if the
// public URL is https, Strict-Transport-Security. What programs get has at most
// eight in all: a map of more costs twice as much, and net/http copies it.
var (
	// pageHeaders go out with pages, problem pages and redirects.
	pageHeaders = newHeaderClass(map[string]string{
		"Content-Security-Policy":      contentSecurityPolicy,
		"Referrer-Policy":              "no-referrer",
		"Cache-Control":                "no-store",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Origin-Agent-Cluster":         "?1",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"X-Robots-Tag":                 "noindex",
		"Permissions-Policy": "accelerometer=(), camera=(), clipboard-read=(), " +
			"display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()",
	})
	// dataHeaders go out with what programs read: JSON and plain text.
	dataHeaders = newHeaderClass(map[string]string{
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		"Cache-Control":           "no-store",
		"X-Content-Type-Options":  "nosniff",
	})
	// assetHeaders go out with style sheets, scripts and pictures.
	assetHeaders = newHeaderClass(map[string]string{
		"Cache-Control":                "public, max-age=31536000, immutable",
		"Cross-Origin-Resource-Policy": "same-origin",
		"X-Content-Type-Options":       "nosniff",
	})

	// Values of other headers, shared likewise.
	httpsAlone    = []string{"max-age=31536000"}
	anyOrigin     = []string{"*"}
	exposed       = []string{"Retry-After, X-Request-Id"}
	binaryContent = []string{"application/octet-stream"}
	htmlContent   = []string{"text/html; charset=utf-8"}
	jsonContent   = []string{"application/json"}
	pngContent    = []string{"image/png"}
	textContent   = []string{"text/plain; charset=utf-8"}
)

// set adds the headers of class c to h.
func (c headerClass) set(h http.Header) {
	for _, header := range c {
		h[header.name] = header.values
	}
}

// replace gives h the headers of class c in the place of a page's, if it has
// those.
func (c headerClass) replace(h http.Header) {
	if h["X-Frame-Options"] == nil {
		return
	}
	for _, header := range pageHeaders {
		delete(h, header.name)
	}
	c.set(h)
}

// SetPageHeaders sets the headers that pages have.
func SetPageHeaders(h http.Header) { pageHeaders.set(h) }

// headers sets the headers of every answer, unless it turns out to be of another
// class.
func (s *Server) headers(rec *record, r *http.Request) {
	h := rec.Header()
	switch {
	case rec.dialect == relayJSON, rec.dialect == oauthJSON, rec.dialect == negotiated && scriptDeposits(r):
		dataHeaders.set(h)
	default:
		pageHeaders.set(h)
	}
	if s.config.PublicURL.Scheme == "https" {
		h["Strict-Transport-Security"] = httpsAlone
	}
	if slices.Contains(openToScripts, r.URL.Path) {
		h["Access-Control-Allow-Origin"] = anyOrigin
	}
}

// scriptDeposits reports whether r is a deposit by the script of the landing page,
// which needs no page.
func scriptDeposits(r *http.Request) bool {
	return r.Method == http.MethodPost && within(r.URL.Path, api.PathRedirect) && !wantsPage(r)
}

// held is how long an answer may be, in bytes, for net/http to hold it until the
// handler returns. It then writes the length itself, without a header in the map.
const held = 1 << 10

// write sends a whole answer.
func write(w http.ResponseWriter, status int, contentType []string, body []byte) error {
	h := w.Header()
	h["Content-Type"] = contentType
	if len(body) > held {
		setLength(h, body)
	}
	w.WriteHeader(status)
	if _, err := w.Write(body); !errors.Is(err, http.ErrBodyNotAllowed) {
		return err
	}
	return nil
}

// setLength says how long an answer is that net/http may not hold.
func setLength(h http.Header, body []byte) { h["Content-Length"] = []string{strconv.Itoa(len(body))} }

// page renders and sends a page in the language for r.
func (s *Server) page(w http.ResponseWriter, r *http.Request, status int, data web.Page) error {
	s.keepLanguage(w, r)
	return s.pageIn(s.language(r), w, r, status, data)
}

// pageIn renders and sends a page in a language.
func (s *Server) pageIn(
	language *text.Language, w http.ResponseWriter, r *http.Request, status int, data web.Page,
) error {
	body, err := s.pages.Render(language, here(r), data)
	if err != nil {
		s.log.ErrorContext(r.Context(), "page not rendered", "err", err)
		status, body = http.StatusInternalServerError, []byte("internal error")
	}
	w.Header().Set("Vary", "Accept-Language, Cookie")
	return writePage(w, status, language.Tag, body)
}

// writePage sends a page in a language.
func writePage(w http.ResponseWriter, status int, language string, body []byte) error {
	// Text from outside is escaped. The choice of a language takes any origin of an old
	// browser.
	if forms := bytes.Count(body, []byte("<form")); forms > bytes.Count(body, []byte(languageForm)) {
		// A browser that may not send a referrer sends "Origin: null" with the form.
		w.Header().Set("Referrer-Policy", "strict-origin")
	}
	w.Header().Set("Content-Language", language)
	return write(w, status, htmlContent, body)
}

// seeOther redirects the browser to a GET, whatever its method was.
func seeOther(w http.ResponseWriter, target string) error {
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}
