package httpapi

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/web/text"
)

// pathLanguage takes the choice of a language, and languageForm begins its form.
const (
	pathLanguage = "/language"
	languageForm = `<form method="post" action="` + pathLanguage + `"`
)

// The cookies of languages: what an app has asked for, while a sign-in lasts, and
// what the user has chosen.
const (
	localesCookie  = "dss-ui-locales"
	languageCookie = "dss-language"

	languageSeconds = 365 * 24 * 60 * 60
)

// language is that of the page for a request: what the app asks for with
// ui_locales, now or when this sign-in began; what the user has chosen; what the
// browser accepts; and the operator's, in this order.
func (s *Server) language(r *http.Request) *text.Language {
	return cmp.Or(
		s.asked(r), s.languageIn(r, localesCookie), s.languageIn(r, languageCookie), s.accepted(r),
	)
}

// accepted is the language that a client accepts, without looking at its cookies.
func (s *Server) accepted(r *http.Request) *text.Language {
	return cmp.Or(s.config.Languages.Accepted(strings.Join(r.Header.Values("Accept-Language"), ",")), s.config.Language)
}

// asked is the language that ui_locales in the query asks for (OpenID Connect Core
// section 3.1.2.1); nil if there is none.
func (s *Server) asked(r *http.Request) *text.Language {
	if !strings.Contains(r.URL.RawQuery, "ui_locales=") {
		return nil
	}
	p, _ := readParams("query", r.URL.RawQuery, "ui_locales") // what cannot be read asks for none
	return s.config.Languages.First(p.get("ui_locales"))
}

func (s *Server) languageIn(r *http.Request, cookie string) *text.Language {
	if c, err := r.Cookie(s.cookieName(cookie)); err == nil {
		return s.config.Languages.Find(c.Value)
	}
	return nil
}

// keepLanguage keeps the language that an app asks for until the sign-in ends.
func (s *Server) keepLanguage(w http.ResponseWriter, r *http.Request) {
	if l := s.asked(r); l != nil {
		s.setCookie(w, localesCookie, l.Tag, int(s.grants.Life().Seconds()), http.SameSiteLaxMode)
	}
}

// chooseLanguage keeps the language that a user has chosen, in place of what the
// app has asked for.
func (s *Server) chooseLanguage(w http.ResponseWriter, r *http.Request, tag string) (*text.Language, error) {
	l := s.config.Languages.Find(tag)
	if l == nil {
		return nil, invalid("language must be one of: " + strings.Join(s.config.Languages.Tags(), ", "))
	}
	s.setCookie(w, languageCookie, l.Tag, languageSeconds, http.SameSiteLaxMode)
	if s.languageIn(r, localesCookie) != nil {
		s.setCookie(w, localesCookie, "", -1, http.SameSiteLaxMode)
	}
	return l, nil
}

// postLanguage serves POST /language: the choice of a language on a page that can
// be loaded again.
func (s *Server) postLanguage(w http.ResponseWriter, r *http.Request) error {
	// An old browser sends null from a page without a referrer. Nobody gains by that.
	old := r.Header.Get("Origin") == "null" && r.Header.Get("Sec-Fetch-Site") == ""
	if err := s.sameOrigin(r); err != nil && !old {
		return err
	}
	form, err := readForm(w, r, "language", "return")
	if err != nil {
		return err
	}
	target, err := url.Parse(form.get("return"))
	if err != nil || target.Host != "" || !strings.HasPrefix(target.Path, "/") || !cleanPath(target.Path) {
		return invalid("return must be the path of a page of this server")
	}
	if _, err := s.chooseLanguage(w, r, form.get("language")); err != nil {
		return err
	}
	return seeOther(w, (&url.URL{Path: target.Path, RawQuery: target.RawQuery}).String()+"#")
}

// here is where the page for a request can be loaded again, unless the page knows
// better: its path and, of its query, what leads to a sign-in and holds no secret.
func here(r *http.Request) string {
	var kept []string
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		if name := nameIn(pair); name == "sign_in" || name == "appid" {
			kept = append(kept, pair)
		}
	}
	return (&url.URL{Path: r.URL.Path, RawQuery: strings.Join(kept, "&")}).String()
}
