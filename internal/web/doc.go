// Package web holds everything of DSS that a person sees: the home page, the
// page that answers at the redirect URI, the page for signing in on another
// device, and the page that says what went wrong; with their style sheet, scripts and texts.
//
// Pages are rendered from embedded templates to bytes; the package knows no
// HTTP. It promises what the Content-Security-Policy of the pages demands: no
// inline script, no inline style, nothing from another origin. Scripts hold no
// text; they unhide what the server has written.
package web
