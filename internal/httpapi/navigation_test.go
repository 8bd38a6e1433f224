package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/limit"
)

// TestNavigations: a sign-in begins, and a user code is looked up, in a window of
// a browser. What a web page loads as a part of itself stores nothing, leads
// nowhere, and is no guess.
func TestNavigations(t *testing.T) {
	const mode, dest, site = "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-Site"
	for name, c := range map[string]struct {
		header []string // more values of one are separated by a bar
		served bool
	}{
		"a program":                  {nil, true},
		"a browser":                  {[]string{mode, "navigate", dest, "document", site, "cross-site"}, true},
		"a browser without the dest": {[]string{mode, "navigate"}, true},
		"a browser without the mode": {[]string{dest, "document"}, true},
		"img":                        {[]string{mode, "no-cors", dest, "image", site, "cross-site"}, false},
		"img of our own":             {[]string{mode, "no-cors", dest, "image", site, "same-origin"}, false},
		"iframe":                     {[]string{mode, "navigate", dest, "iframe"}, false},
		"embed":                      {[]string{mode, "navigate", dest, "embed"}, false},
		"script":                     {[]string{mode, "no-cors", dest, "script"}, false},
		"fetch":                      {[]string{mode, "cors", dest, "empty"}, false},
		"fetch of a document":        {[]string{mode, "cors", dest, "document"}, false},
		"stylesheet, dest alone":     {[]string{dest, "style"}, false},
		"websocket, mode alone":      {[]string{mode, "websocket"}, false},
		"an empty mode":              {[]string{mode, ""}, false},
		"two modes":                  {[]string{mode, "navigate|no-cors"}, false},
		"another case":               {[]string{mode, "Navigate"}, false},
	} {
		store := inMemory()
		l := newLimited(t, store, &limit.Config{UserCodes: hour(2)}, "")
		_, rest, _ := strings.Cut(device(l, alice, storers["device authorization"].fields).Body.String(), `"user_code":"`)
		code, _, _ := strings.Cut(rest, `"`)
		before, _ := store.Usage()
		authorize := "/oauth/authorize?response_type=code&code_challenge_method=S256&" + ask().Encode()
		for path, want := range map[string]int{
			authorize: http.StatusSeeOther, "http://127.0.0.1" + authorize: http.StatusSeeOther,
			"/device?user_code=" + code: http.StatusOK, "/device?user_code=BCDF-GHJK": http.StatusNotFound,
			"http://127.0.0.1/device?user_code=" + code: http.StatusSeeOther,
		} {
			if !c.served {
				want = http.StatusForbidden
			}
			w := l.fetched(path, c.header)
			location := w.Header().Get("Location")
			if w.Code != want || !c.served && (location != "" || len(w.Result().Cookies()) > 0) {
				t.Errorf("%s: %s: %d %s", name, path, w.Code, location)
			}
		}
		if w := l.fetched("/device", c.header); w.Code != http.StatusOK {
			t.Errorf("%s: the page without a code: %d", name, w.Code)
		}
		switch after, _ := store.Usage(); {
		case !c.served && after != before:
			t.Errorf("%s: %d entries are stored", name, after-before)
		case c.served && after != before+1:
			t.Errorf("%s: %d entries are stored, want 1", name, after-before)
		}
		l.from(alice, "/device?user_code=BCDF-GHJL", "")
		if w := l.from(alice, "/device?user_code=BCDF-GHJM", ""); (w.Code == http.StatusTooManyRequests) != c.served {
			t.Errorf("%s: a guess is answered %d", name, w.Code)
		}
	}
}

// fetched is a GET as a browser sends it, of an address here or on another host.
func (l limited) fetched(address string, header []string) *httptest.ResponseRecorder {
	host, path := "localhost", address
	if rest, ok := strings.CutPrefix(address, "http://"); ok {
		host, path, _ = strings.Cut(rest, "/")
		path = "/" + path
	}
	r := httptest.NewRequestWithContext(l.Context(), "GET", path, nil)
	r.Host, r.RemoteAddr = host, alice+":4000"
	for i := 0; i+1 < len(header); i += 2 {
		for value := range strings.SplitSeq(header[i+1], "|") {
			r.Header.Add(header[i], value)
		}
	}
	w := httptest.NewRecorder()
	l.handler.ServeHTTP(w, r)
	return w
}
