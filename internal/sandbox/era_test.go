package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/sandbox"
)

// TestEras sends credentials in every place, by the rules of both years.
func TestEras(t *testing.T) {
	const inQuery, required = "the sandbox's own words", "is required"
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, tt := range map[string]struct {
		query, form    string // TOKEN stands for the token
		edit           func(string) func(*http.Request)
		year26, year25 string // part of the error; "" is none
		internal       bool
	}{
		"nothing":                     {year26: "Bearer", year25: "Bearer"},
		"token as Bearer":             {edit: bearer},
		"token as bearer":             {edit: func(token string) func(*http.Request) { return header("Authorization", "bearer  "+token) }},
		"token, another scheme":       {edit: func(token string) func(*http.Request) { return header("Authorization", "Basic "+token) }, year26: "Bearer", year25: "Bearer"},
		"dead token as Bearer":        {edit: func(string) func(*http.Request) { return bearer("dead))") }, year26: "not valid", year25: "not valid"},
		"key as Bearer":               {edit: func(string) func(*http.Request) { return bearer("rl_anyKeyIsGoodForTheSandb") }, year26: "access token", year25: "access token"},
		"both in the query":           {query: "key=k&access_token=TOKEN", year26: inQuery},
		"token in the query":          {query: "access_token=TOKEN", year26: inQuery, year25: required},
		"key in the query":            {query: "key=k", year26: inQuery, year25: "Bearer"},
		"key in the query and Bearer": {query: "key=k", edit: bearer, year26: inQuery},
		"dead in query, good Bearer":  {query: "key=k&access_token=dead", edit: bearer, year26: inQuery},
		"good in query, dead Bearer": {
			query: "key=k&access_token=TOKEN", edit: func(string) func(*http.Request) { return bearer("dead))") },
			year26: inQuery, year25: "not valid",
		},
		"both in the body":         {form: "key=k&access_token=TOKEN"},
		"token in the body":        {form: "access_token=TOKEN", year25: required},
		"expired key":              {query: "key=rl_SandboxKeyOfAppNumber911&access_token=TOKEN", year26: inQuery, year25: "expired"},
		"expired key in the body":  {form: "key=rl_SandboxKeyOfAppNumber911&access_token=TOKEN", year26: "expired", year25: "expired"},
		"expired key as Bearer":    {edit: func(string) func(*http.Request) { return bearer("rl_SandboxKeyOfAppNumber911") }, year26: "expired", year25: "expired"},
		"X-API-Access-Token":       {edit: func(token string) func(*http.Request) { return header("X-API-Access-Token", token) }, year26: "Bearer", year25: "Bearer"},
		"X-API-Access-Token there": {edit: func(token string) func(*http.Request) { return header("X-API-Access-Token", token) }, internal: true},
	} {
		for year, want := range map[sandbox.Era]string{sandbox.Era2026: tt.year26, sandbox.Era2025: tt.year25} {
			t.Run(name+"/"+string(year), func(t *testing.T) {
				s := sandbox.New(sandbox.Config{Era: year, Internal: tt.internal})
				token := implicitToken(t, s)
				fill := func(text string) string { return strings.ReplaceAll(text, "TOKEN", url.QueryEscape(token)) }
				method, edit := http.MethodGet, func(*http.Request) {}
				if tt.edit != nil {
					edit = tt.edit(token)
				}
				if tt.form != "" {
					method = http.MethodPost
				}
				w := ask(s, method, s.APIPath()+"/me?site=stackoverflow&"+fill(tt.query), fill(tt.form), edit)
				answer := unpack(t, w)
				if want == "" && (w.Code != http.StatusOK || len(answer.Items) != 1) || want != "" && w.Code != http.StatusBadRequest ||
					!strings.Contains(answer.ErrorMessage, want) {
					t.Errorf("%d %+v, want an error with %q", w.Code, answer, want)
				}
			})
		}
	}
}

// TestMethodsOnTokensNeedNoCredentials, but those in the query are refused there,
// too.
func TestMethodsOnTokensNeedNoCredentials(t *testing.T) {
	s := sandbox.New(sandbox.Config{})
	token := implicitToken(t, s)
	if status, answer := callAPI(t, s, "/access-tokens/"+token+"?key=k"); status != http.StatusBadRequest || answer.ErrorName != "bad_parameter" {
		t.Errorf("a key in the query: %d %+v", status, answer)
	}
	if status, answer := callAPI(t, s, "/access-tokens/"+token, bearer("dead))")); status != http.StatusOK || len(answer.Items) != 1 {
		t.Errorf("with another token: %d %+v", status, answer)
	}
	w := ask(s, "POST", "/sandbox/2.3/access-tokens/"+token+"/invalidate", "")
	if answer := unpack(t, w); len(answer.Items) != 1 {
		t.Errorf("by POST: %d %+v", w.Code, answer)
	}
}

// TestInternal finds the API of a Stack Internal, and nothing at the public one's
// place.
func TestInternal(t *testing.T) {
	s := sandbox.New(sandbox.Config{Internal: true})
	token := implicitToken(t, s)
	if w := ask(s, "GET", "/sandbox/api/2.3/me", "", bearer(token)); w.Code != http.StatusOK {
		t.Errorf("the API: %d", w.Code)
	}
	if w := ask(s, "GET", "/sandbox/2.3/me", "", bearer(token)); w.Code != http.StatusNotFound {
		t.Errorf("the public API's place: %d", w.Code)
	}
	elsewhere := func(r *http.Request) { r.RemoteAddr = "198.51.100.7:4000" }
	if w := ask(s, "GET", "/sandbox/api/2.3/me", "", elsewhere); w.Code != http.StatusForbidden || w.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("from another machine: %d %v", w.Code, w.Header())
	}
}

// TestTeams has the user of a Stack Internal pick the team that an app can read.
func TestTeams(t *testing.T) {
	s := sandbox.New(sandbox.Config{Internal: true})
	asked := query("scope", "access_team,write_access", "sandbox_decision", "once")
	page := ask(s, "GET", "/sandbox/oauth/dialog?"+asked, "").Body.String()
	if !strings.Contains(page, `name="team" value="engineering" checked`) || !strings.Contains(page, `value="support">`) {
		t.Errorf("the page lacks the teams:\n%s", page)
	}
	scopeOf := func(w *httptest.ResponseRecorder) string { return responseOf(t, location(t, w)).Get("scope") }
	form := query("scope", "access_team,write_access", "decision", "approve")
	for _, one := range []struct{ got, want string }{
		{scopeOf(ask(s, "POST", "/sandbox/oauth/dialog", form+"&team=support")), "support"},
		{scopeOf(ask(s, "GET", "/sandbox/oauth/dialog?"+asked, "")), "support"}, // as picked before
		{scopeOf(ask(s, "POST", "/sandbox/oauth/dialog", form+"&team=engineering")), "engineering"},
	} {
		if want := "access_team|example.com/c/" + one.want + " write_access"; one.got != want {
			t.Errorf("scope %q, want %q", one.got, want)
		}
	}
	if w := ask(s, "POST", "/sandbox/oauth/dialog", form+"&team=sales"); w.Code != http.StatusBadRequest {
		t.Errorf("a team of others: %d", w.Code)
	}
	public := sandbox.New(sandbox.Config{})
	if page := ask(public, "GET", "/sandbox/oauth/dialog?"+asked, "").Body.String(); strings.Contains(page, `name="team"`) {
		t.Error("the public Stack Exchange asks for a team")
	}
}
