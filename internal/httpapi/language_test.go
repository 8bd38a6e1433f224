package httpapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/web/text"
	"github.com/desktop-stack-serv/dss/test/pseudo"
)

// inLanguages is a server with pages in English and in the languages of package
// pseudo.
func inLanguages(t *testing.T, configure ...func(*httpapi.Config)) dss {
	t.Helper()
	return newDSS(t, inMemory(), append(configure, func(c *httpapi.Config) {
		c.Languages = text.Languages{text.English, pseudo.Accented, pseudo.Mirrored}
	})...)
}

// cookies are those that an answer sets, as the next request sends them.
func cookies(h http.Header) string {
	var all []string
	for _, c := range (&http.Response{Header: h}).Cookies() {
		if c.MaxAge >= 0 {
			all = append(all, c.Name+"="+c.Value)
		}
	}
	return strings.Join(all, "; ")
}

// TestLanguageOfAPage: ui_locales, then the user's choice, then Accept-Language,
// then the operator's.
func TestLanguageOfAPage(t *testing.T) {
	d := inLanguages(t)
	german := func(c *httpapi.Config) { c.Language = pseudo.Accented }
	for _, c := range []struct {
		d            dss
		query        string
		cookie, want string
		accept       string
	}{
		{d, "", "", "en", ""},
		{d, "", "", "en", "de, fr"},
		{inLanguages(t, german), "", "", "en-XA", "de, fr"},
		{inLanguages(t, german), "", "", "en", "en"},
		{d, "", "", "ar-XB", "de, ar-XB;q=0.5"},
		{d, "", "dss-language=en-XA", "en-XA", "ar-XB"},
		{d, "", "dss-language=nonsense", "ar-XB", "ar-XB"},
		{d, "", "dss-language=en-XA; dss-ui-locales=ar-XB", "ar-XB", "en"},
		{d, "ui_locales=xx+en-XA", "dss-language=en; dss-ui-locales=ar-XB", "en-XA", "ar-XB"},
		{d, "ui_locales=xx", "dss-language=en-XA", "en-XA", "ar-XB"},
		{d, "ui_locales=en&ui_locales=ar", "", "en-XA", "en-XA"},
		{d, "ui_locales=%zz", "", "en-XA", "en-XA"},
	} {
		for _, path := range []string{"/device", "/start", "/nowhere", "/auth/redirect/17", "/problem/internal_error"} {
			status, h, body := c.d.do("GET", path+"?"+c.query, "", "Accept", "text/html", "Cookie", c.cookie, "Accept-Language", c.accept)
			direction := map[bool]string{true: "rtl", false: "ltr"}[c.want == "ar-XB"]
			if h.Get("Content-Language") != c.want || !strings.Contains(body, fmt.Sprintf(`<html lang="%s" dir="%s"`, c.want, direction)) ||
				h.Get("Vary") != "Accept-Language, Cookie" {
				t.Errorf("%s?%s with %q and %q: %d %v", path, c.query, c.cookie, c.accept, status, h)
			}
		}
	}
}

// TestTheFlowCarriesTheLanguage to the pages after Stack Exchange.
func TestTheFlowCarriesTheLanguage(t *testing.T) {
	d := inLanguages(t)
	authorize := "/oauth/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {"7"}, "redirect_uri": {"http://127.0.0.1:1/"}, "code_challenge_method": {"S256"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "ui_locales": {"de ar"},
	}.Encode()
	for _, path := range []string{authorize, "/auth/redirect/17?ui_locales=ar-XB", "/device?ui_locales=ar"} {
		status, h, _ := d.do("GET", path, "")
		_, h, _ = d.do("GET", "/problem/wrong_browser", "", "Cookie", cookies(h), "Accept-Language", "en")
		if h.Get("Content-Language") != "ar-XB" {
			t.Errorf("%s: %d, then %s", path, status, h.Get("Content-Language"))
		}
	}
}

var (
	languageForm   = regexp.MustCompile(`(?s)<form method="post" action="/language">\s*<input type="hidden" name="return" value="([^"]*)">`)
	languageButton = regexp.MustCompile(`<button name="language" value="([^"]+)" lang="[^"]+"( form="response" formnovalidate)?>`)
)

// TestChoiceOfALanguage on pages that can be loaded again.
func TestChoiceOfALanguage(t *testing.T) {
	d := inLanguages(t)
	for path, back := range map[string]string{
		"/device?user_code=BCDF-GHJK": "/device?user_code=BCDF-GHJK", "/device/finished?sign_in=x&y=SECRET": "/device/finished?sign_in=x",
		"/start?platform=mobile&ui_locales=en": "/start?platform=mobile", "/nowhere?secret=1": "/problem/not_found",
		"/oauth/authorize?client_id=7&state=SECRET": "/problem/bad_redirect_uri",
	} {
		_, _, body := d.do("GET", path, "", "Accept", "text/html")
		form := languageForm.FindStringSubmatch(body)
		if form == nil || strings.ReplaceAll(form[1], "&amp;", "&") != back || len(languageButton.FindAllString(body, -1)) != 2 {
			t.Errorf("%s: the form is %q", path, form)
			continue
		}
		answer := url.Values{"language": {"ar-XB"}, "return": {back}}.Encode()
		status, h, _ := d.do("POST", "/language", answer, "Origin", d.url, "Cookie", "dss-ui-locales=en-XA")
		if status != http.StatusSeeOther || h.Get("Location") != back+"#" || cookies(h) != "dss-language=ar-XB" {
			t.Errorf("%s: %d %v", path, status, h)
		}
		if set := h.Values("Set-Cookie"); len(set) != 2 || !strings.HasPrefix(set[1], "dss-ui-locales=; Path=/; Max-Age=0") {
			t.Errorf("%s: what the app has asked for stays: %q", path, set)
		}
	}
	for _, bad := range []string{
		"language=xx&return=/", "language=en", "language=en&return=//evil.example", "language=en&return=https://evil.example/",
		"language=en&return=/%5cevil.example", "language=en&return=javascript:1", "language=en&return=/%2fevil.example",
		"language=en&return=/a/../b", "language=en&return=%2f%0d%0aX:1", "return=/",
	} {
		status, h, _ := d.do("POST", "/language", bad, "Origin", d.url)
		at, err := url.Parse(d.url + h.Get("Location"))
		if status != http.StatusBadRequest && (err != nil || "http://"+at.Host != d.url || !strings.HasPrefix(h.Get("Location"), "/%")) {
			t.Errorf("%s: %d %v", bad, status, h)
		}
	}
	if status, h, _ := d.do("POST", "/language", "language=en&return=/", "Origin", "https://evil.example"); status != http.StatusForbidden {
		t.Errorf("another site chooses: %d %v", status, h)
	}
}

// TestChoiceKeepsTheResponse: the page at the redirect URI is asked for again with
// all that it holds, and nothing is deposited.
func TestChoiceKeepsTheResponse(t *testing.T) {
	d := inLanguages(t)
	const key = "kM3-9c2a7be1d04865"
	for response, view := range map[string]string{
		"state=" + key + "&code=SECRET": "confirm", "state=" + key + "&error=access_denied": "refusal",
	} {
		_, _, body := d.do("GET", "/auth/redirect/17?"+response, "")
		buttons := languageButton.FindAllStringSubmatch(body, -1)
		form := regexp.MustCompile(`<form id="response" method="post" action="/auth/redirect/17"`)
		if languageForm.MatchString(body) || len(buttons) != 2 || buttons[0][2] == "" || len(form.FindAllString(body, -1)) != 1 {
			t.Errorf("%s: the buttons are %q", view, buttons)
		}
		_, h, again := d.do("POST", "/auth/redirect/17", response+"&language=ar-XB", "Origin", d.url, "Accept", "text/html")
		if h.Get("Content-Language") != "ar-XB" || cookies(h) != "dss-language=ar-XB" || !strings.Contains(again, `data-view="`+view+`"`) {
			t.Errorf("%s: %v %s", view, h, again)
		}
		for pair := range strings.SplitSeq(response, "&") {
			name, value, _ := strings.Cut(pair, "=")
			if !strings.Contains(again, fmt.Sprintf(`name="%s" value="%s"`, name, value)) {
				t.Errorf("%s: %s is lost", view, pair)
			}
		}
	}
	status, h, _ := d.do("POST", "/auth/redirect/17", "language=ar-XB", "Origin", d.url)
	if status != http.StatusSeeOther || h.Get("Location") != "/auth/redirect/17#" {
		t.Errorf("nothing to keep: %d %v", status, h)
	}
	if status, _, _ := d.do("POST", "/auth/redirect/17", "state="+key+"&code=x&language=xx", "Origin", d.url); status != http.StatusBadRequest {
		t.Errorf("an unknown language: %d", status)
	}
	if status, _, body := d.do("GET", "/auth/token?appid=17&key="+key, ""); status != http.StatusNotFound {
		t.Errorf("the choice has deposited: %d %s", status, body)
	}
}

// TestLanguageOfADevice: the message is in the language that the device asks for.
func TestLanguageOfADevice(t *testing.T) {
	d := inLanguages(t)
	for _, c := range [][3]string{{"", "", "To sign in, open"}, {"&ui_locales=xx+en-XA", "ar", "Ţ"}, {"", "ar", "\u200f\u202eTo"}} {
		status, _, body := d.do("POST", "/oauth/device_authorization", "client_id=7"+c[0], "Accept-Language", c[1], "Cookie", "dss-language=en")
		if !strings.Contains(body, `"message":"`+c[2]) {
			t.Errorf("%q: %d %s", c, status, body)
		}
	}
	_, _, body := d.do("GET", "/.well-known/oauth-authorization-server", "")
	if !strings.Contains(body, `"ui_locales_supported":["en","en-XA","ar-XB"]`) {
		t.Error(body)
	}
	if !slices.IsSorted(text.All.Tags()) {
		t.Errorf("the languages are not sorted: %q", text.All.Tags())
	}
}
