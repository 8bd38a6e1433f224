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
	for name, c := range map[string]struct {
		header []string // more values of one are separated by a bar
		served bool
	}{
		"a program":                  {nil, true},
		"a browser":                  {[]string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "cross-site"}, true},
		"a browser without the dest": {[]string{"Sec-Fetch-Mode", "navigate"}, true},
		"a browser without the mode": {[]string{"Sec-Fetch-Dest", "document"}, true},
		"img":                        {[]string{"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image", "Sec-Fetch-Site", "cross-site"}, false},
		"img of our own":             {[]string{"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image", "Sec-Fetch-Site", "same-origin"}, false},
		"iframe":                     {[]string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, false},
		"embed":                      {[]string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "embed"}, false},
		"script":                     {[]string{"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script"}, false},
		"fetch":                      {[]string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, false},
		"fetch of a document":        {[]string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "document"}, false},
		"stylesheet, dest alone":     {[]string{"Sec-Fetch-Dest", "style"}, false},
		"websocket, mode alone":      {[]string{"Sec-Fetch-Mode", "websocket"}, false},
		"an empty mode":              {[]string{"Sec-Fetch-Mode", ""}, false},
		"two modes":                  {[]string{"Sec-Fetch-Mode", "navigate|no-cors"}, false},
		"another case":               {[]string{"Sec-Fetch-Mode", "Navigate"}, false},
	} {
		store := inMemory()
		l := newLimited(t, store, limit.New(limit.Config{UserCodes: hour(2)}), "")
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
