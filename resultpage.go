package dss

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/web/text"
)

// resultTime bounds the question whether the server has the page, which the user
// waits for.
const resultTime = time.Second

// resultPages are the pages that end a sign-in, by the path that the server has
// them at.
var resultPages = map[string]struct{ title, what, sign string }{
	api.PathDone:   {"loopback.done.title", "loopback.done.what", "✓"},
	api.PathDenied: {"loopback.denied.title", "loopback.denied.what", "–"},
	api.PathFailed: {"loopback.failed.title", "loopback.failed.what", "!"},
}

// resultOf is the path of the page about a response.
func resultOf(response url.Values, issuer string) string {
	switch {
	case response.Get("iss") != issuer:
		return api.PathFailed
	case response.Get("error") == api.AccessDenied:
		return api.PathDenied
	case response.Has("error"):
		return api.PathFailed
	}
	return api.PathDone
}

// showsResults returns how to ask whether the server can show the page at a path
// right now; nil if it has no such pages.
func (c *Client) showsResults(info serverInfo) func(ctx context.Context, path string) bool {
	if !info.results {
		return nil
	}
	return func(ctx context.Context, path string) bool {
		request, err := http.NewRequestWithContext(ctx, http.MethodHead, c.server.JoinPath(path).String(), nil)
		if err != nil {
			return false
		}
		// The connection of the start may have died meanwhile. Over HTTP/2, a request on
		// it would keep it open for the one that redeems the code.
		c.fetch.Reconnect()
		a, err := c.send(request, resultTime)
		return err == nil && a.Status == http.StatusOK
	}
}

// showResult sends the browser to the server's page at a path or, if the server
// cannot be reached, shows the same words here. Either way the response is in no
// address that the browser keeps or passes on.
func (l *loopback) showResult(w http.ResponseWriter, r *http.Request, path string) {
	h := w.Header()
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Connection", "close")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	if l.shows != nil && l.shows(r.Context(), path) {
		h.Set("Location", l.base.JoinPath(path).String())
		h.Set("Content-Length", "0")
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	language := cmp.Or(text.All.Accepted(strings.Join(r.Header.Values("Accept-Language"), ",")), text.English)
	page, err := resultPage(language, path)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", language.Tag)
	h.Set("Content-Length", strconv.Itoa(len(page)))
	_, _ = w.Write([]byte(page))
}

// resultPage is the page that the server would show at a path, without the
// server's style sheet.
func resultPage(language *text.Language, path string) (string, error) {
	texts := resultPages[path]
	title, err := language.Plain(texts.title)
	if err != nil {
		return "", err
	}
	what, err := language.HTML(texts.what)
	if err != nil {
		return "", err
	}
	headline, err := language.HTML(texts.title)
	return fmt.Sprintf(resultFormat, language.Tag, language.Direction, title, texts.sign, headline, what), err
}

const resultFormat = `<!doctype html><html lang="%s" dir="%s"><meta charset="utf-8">` +
	`<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">` +
	`<title>%s</title><style>` +
	`body{font:1.0625rem/1.5 system-ui,sans-serif;max-width:30rem;margin:12vh auto;padding:0 1.5rem}` +
	`h1{font-size:1.5rem;line-height:1.25}h1 span{display:inline-block}` +
	`i{display:block;width:4.5rem;height:4.5rem;border:3px solid;border-radius:50%%;` +
	`font:700 2.5rem/4.2rem system-ui;text-align:center}` +
	`</style><main><i aria-hidden="true">%s</i><h1>%s</h1><p>%s</p></main></html>`
