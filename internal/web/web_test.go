package web

import (
	"fmt"
	"io/fs"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/registration"
	"github.com/desktop-stack-serv/dss/internal/web/text"
)

const hostile = `"><img src=x onerror=alert(1)><script>alert(1)</script>`

func newPages() *Pages {
	return New(Server{Host: "auth.example.org", Service: "Stack Overflow"}, text.All)
}

// everyPage renders each page in each of its states, with hostile values.
func everyPage(t *testing.T) map[string]string { t.Helper(); return everyPageIn(t, text.English) }

// everyPageIn does so in a language.
func everyPageIn(t *testing.T, language *text.Language) map[string]string {
	t.Helper()
	p, out := newPages(), map[string]string{}
	keep := func(name string, body []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = string(body)
	}
	for _, sandbox := range []bool{false, true} {
		body, err := p.RenderSite(Site{
			Title: hostile, About: hostile, Path: "/", PublicURL: "https://auth.example.org", Operator: hostile,
			Homepage: "javascript:alert(1)//" + hostile, Version: hostile,
			Content: HomeData{OAuth: sandbox, Sandbox: sandbox, Me: hostile, Choice: registration.Choice{ClientID: hostile}},
		})
		keep("home", body, err)
		out[map[bool]string{true: "home with sandbox", false: "home without"}[sandbox]] = string(body)
	}
	app := App{
		Name: hostile, Author: hostile, Homepage: "javascript:alert(1)//" + hostile, Post: "javascript:alert(1)//" + hostile,
		Icon: hostile, ShowsCode: true, Claimed: true,
	}
	for _, view := range []View{ViewFragment, ViewConfirm, ViewRefusal} {
		body, err := p.Render(language, "/", LandingData{View: view, App: App{Warn: true}, AppID: hostile, Action: "/auth/redirect"})
		keep("landing of an unknown app "+string(view), body, err)
		body, err = p.Render(language, "/", LandingData{
			Scopes: []string{hostile, "access_team|" + hostile}, Minutes: 15, View: view, App: app, MatchCode: "ABC-DEF", Action: "/auth/redirect", Auto: view == ViewConfirm,
			Fields: []Field{
				{"state", hostile}, {"access_token", hostile}, {"code", hostile}, {"expires", hostile},
				{"error", hostile}, {"error_description", hostile},
			},
			AuthorizedAppsURL: "https://stackexchange.com/users/current?tab=apps",
		})
		keep("landing "+string(view), body, err)
	}
	for _, view := range append(followed, EndNothing, EndRefused, EndTrouble, EndTurnedAway) {
		for _, app := range []App{app, {}} {
			body, err := p.Render(language, "/", EndData{
				View: view, App: app, Follow: view == EndWaiting || view == EndLate, Minutes: 3, Receipt: hostile,
				AuthorizedAppsURL: "https://stackexchange.com/users/current?tab=apps",
			})
			keep(fmt.Sprint("result ", view, app.Name != ""), body, err)
		}
	}
	for _, name := range []string{"invalid_key", "cross_origin", "not_found", "internal_error", "wrong_browser", "unknown_sign_in", "access_denied"} {
		body, err := p.Render(language, "/", ProblemData{Status: 400, Name: name, Message: hostile, App: app, Reason: hostile, AuthorizedAppsURL: "https://stackexchange.com/users/current?tab=apps"})
		keep("problem "+name, body, err)
	}
	for _, view := range deviceViews {
		body, err := p.Render(language, "/", DeviceData{
			View: view, UserCode: hostile, Unknown: true, App: app, ClientID: hostile, Minutes: 3, Host: hostile, Sandbox: true,
			Scopes:            []string{hostile, "access_team|" + hostile, hostile + "|" + hostile},
			AuthorizedAppsURL: "javascript:alert(1)//" + hostile,
		})
		keep("device "+string(view), body, err)
	}
	for _, view := range []ContinueView{ContinueAsk, ContinueDone, ContinueStopped, ContinueEnded, ContinueUnended} {
		for _, target := range []string{"editor", "extension", "link"} {
			data := ContinueData{
				View: view, App: app, Target: target, Editor: hostile, Extension: hostile, Host: hostile, Receipt: hostile,
				Direct: target == "link", Refusal: "vscode://acme.inbox/?error=access_denied#",
				AuthorizedAppsURL: "javascript:alert(1)//" + hostile,
			}
			body, err := p.Render(language, "/", data)
			keep("continue "+string(view)+" "+target, body, err)
		}
	}
	for _, result := range []Result{ResultDone, ResultDenied, ResultFailed} {
		body, err := p.Render(language, "/"+string(result), ResultData{Result: result})
		keep("result "+string(result), body, err)
	}
	for name, data := range startPages() {
		body, err := p.Render(language, "/", data)
		keep("start "+name, body, err)
	}
	return out
}

// startPages are the pages about a registration, in all their states.
func startPages() map[string]StartData {
	choice := registration.Choice{
		Platform: registration.CommandLine, Needs: []registration.Need{registration.Write, registration.NoExpiry}, OAuth: true,
		Server: &url.URL{Scheme: "http", Host: "localhost"}, StackExchange: &url.URL{Scheme: "https", Host: "se.example"}, API: &url.URL{Scheme: "https", Host: "api.example"},
	}
	pages := map[string]StartData{
		"choose": {View: StartChoose}, "values": {View: StartValues, Choice: choice, Plan: registration.Advise(choice)},
		"try": {View: StartTry, Choice: choice}, "mistaken": {View: StartTry, Choice: choice, Mistaken: true, Sandbox: true},
		"http": {View: StartTry},
	}
	for _, outcome := range []StartOutcome{
		OutcomePending, OutcomeChecking, OutcomeRefused, OutcomeNotTaken, OutcomeUnanswered, OutcomeRight, OutcomeSeen, OutcomeGone,
	} {
		for _, findings := range []int{1, 2} {
			pages[fmt.Sprint(outcome, findings)] = StartData{
				View: StartReport, Choice: choice, Outcome: outcome, Reached: outcome, Error: hostile, Message: hostile, Unrevoked: findings == 2,
				Findings: []registration.Finding{{Means: hostile, Change: hostile}, {Means: "m.", Change: "c."}}[:findings],
			}
		}
	}
	for name, data := range pages {
		data.ClientID, data.Host, data.Action = hostile, hostile, "/start/report"
		data.Query, data.Fields = "platform=command_line", []Field{{"platform", "command_line"}}
		data.AuthorizedAppsURL = "javascript:alert(1)//" + hostile
		pages[name] = data
	}
	return pages
}

var (
	inlineScript = regexp.MustCompile(`(?i)<script(?:\s+defer|\s+src="[^"]*")*\s*>[^<]`)
	handler      = regexp.MustCompile(`(?i)<[a-z][^>]*\s(on[a-z]+|style)=`)
	values       = regexp.MustCompile(`"[^"]*"`)
	canonical    = regexp.MustCompile(`<link rel="canonical" [^>]*>`)
	remoteAsset  = regexp.MustCompile(`(?i)(?:src|<link[^>]*href)="(?:https?:)?//`)
)

func TestPagesKeepThePolicy(t *testing.T) {
	for name, page := range everyPage(t) {
		page = canonical.ReplaceAllString(page, "")
		for what, found := range map[string]string{
			"an inline script": inlineScript.FindString(page),
			"a handler":        handler.FindString(values.ReplaceAllString(page, `""`)),
			"a remote asset":   remoteAsset.FindString(page),
		} {
			if found != "" {
				t.Errorf("%s has %s: %s", name, what, found)
			}
		}
		if strings.Contains(page, "<img src=x") || strings.Contains(page, "<style") || strings.Contains(page, "javascript:") {
			t.Errorf("%s lets markup through", name)
		}
		if !strings.Contains(page, `<html lang="en"`) || !strings.Contains(page, "<main") || !strings.Contains(page, "<title>") || !strings.Contains(page, `name="viewport"`) {
			t.Errorf("%s lacks what every page has", name)
		}
	}
}

// TestEveryPageInEveryLanguage: what a page is asked for in, and nothing missing. The
// titles are the headlines.
func TestEveryPageInEveryLanguage(t *testing.T) {
	title, headline := regexp.MustCompile(`<title>(.*)</title>`), regexp.MustCompile(`<h1[^>]*>(.*)</h1>`)
	tag := regexp.MustCompile(`<[^>]*>`)
	for _, language := range text.All {
		for name, page := range everyPageIn(t, language) {
			if strings.HasPrefix(name, "home") { // the site is in English
				continue
			}
			if !strings.Contains(page, fmt.Sprintf(`<html lang="%s" dir="%s"`, language.Tag, language.Direction)) {
				t.Errorf("%s is not in %s", name, language.Tag)
			}
			titled := title.FindStringSubmatch(page)
			isTitle := func(h []string) bool {
				return strings.HasSuffix(text.WithoutBreaks(titled[1]), text.WithoutBreaks(tag.ReplaceAllString(h[1], "")))
			}
			if titled == nil || !slices.ContainsFunc(headline.FindAllStringSubmatch(page, -1), isTitle) {
				t.Errorf("%s in %s has the title %q, and no such headline", name, language.Tag, titled)
			}
		}
	}
}

// TestNothingIsLeftInEnglish: where letters are not Latin, only names, code and what is
// marked as English is.
func TestNothingIsLeftInEnglish(t *testing.T) {
	marked := regexp.MustCompile(`(?s)<(?:p|span|q|dd|button|strong)\b[^>]* lang="(?:en|es|pt-BR)"[^>]*>.*?</(?:p|span|q|dd|button|strong)>` +
		`|<code.*?</code>|<pre.*?</pre>|<bdi.*?</bdi>|<span class="(?:host|icon)[^>]*>.*?</span>|<[^>]*>|&[#\w]+;`)
	latin := regexp.MustCompile(`[A-Za-z]{2,}`)
	names := strings.Fields(`DSS Stack Overflow Exchange Apps JavaScript OK cookie Cookie Collectives Example Sandbox User Python ID UTC https http
		API Settings applications Domain Read write stackoverflow com localhost SSH WSL img src onerror alert script`)
	for _, language := range text.All {
		if language.Tag != "ru" && language.Tag != "ja" {
			continue
		}
		for name, page := range everyPageIn(t, language) {
			if strings.HasPrefix(name, "home") || strings.HasPrefix(name, "start") {
				continue // for authors, with blocks in English
			}
			_, body, _ := strings.Cut(page, "<body")
			for _, word := range latin.FindAllString(marked.ReplaceAllString("<body"+body, " "), -1) {
				if !slices.Contains(names, word) {
					t.Errorf("%s in %s has %q", name, language.Tag, word)
				}
			}
		}
	}
}

// TestOurWordsAmongEnglishAreMarked: what to do with a field, and the button beside it, are
// in the page's language, also in a block in English.
func TestOurWordsAmongEnglishAreMarked(t *testing.T) {
	own := regexp.MustCompile(`<(?:dd><strong|span class="copy")( lang="[^"]*" dir="[^"]*")?>`)
	for _, language := range text.All {
		marks := own.FindAllStringSubmatch(everyPageIn(t, language)["start values"], -1)
		if len(marks) < 10 {
			t.Fatalf("%s: %d marks", language.Tag, len(marks))
		}
		for _, mark := range marks {
			if mark[1] != fmt.Sprintf(` lang="%s" dir="%s"`, language.Tag, language.Direction) {
				t.Errorf("in %s: %s", language.Tag, mark[0])
			}
		}
	}
}

var isolated = regexp.MustCompile(`(?s)<bdi[^>]*>.*?</bdi>|<title>.*?</title>|aria-hidden.*?</span>`)

// TestPagesIsolateWhatOthersChose, whose direction of writing may be another:
// ids of apps, scopes, what an error quotes.
func TestPagesIsolateWhatOthersChose(t *testing.T) {
	const chosen = "\u202echosen\u05d0"
	p := newPages()
	for name, render := range map[string]func() ([]byte, error){
		"landing": func() ([]byte, error) {
			return p.Render(text.English, "/", LandingData{View: ViewConfirm, App: App{Name: chosen}, AppID: chosen})
		},
		"problem": func() ([]byte, error) {
			return p.Render(text.English, "/", ProblemData{Status: 400, Name: "invalid_key", Message: chosen})
		},
		"report": func() ([]byte, error) {
			return p.Render(text.English, "/", StartData{View: StartReport, Outcome: OutcomeRefused, Reached: OutcomeRefused, ClientID: chosen, Error: chosen, Message: chosen})
		},
		"device": func() ([]byte, error) {
			return p.Render(text.English, "/", DeviceData{View: DeviceConfirm, Host: "stackoverflow.com", ClientID: chosen, Scopes: []string{chosen, "access_team|" + chosen}})
		},
	} {
		body, err := render()
		if err != nil {
			t.Fatal(err)
		}
		if page := string(body); !strings.Contains(page, chosen) || strings.Contains(isolated.ReplaceAllString(page, ""), chosen) {
			t.Errorf("%s shows it outside of bdi: %s", name, page)
		}
	}
}

// TestStyles: what the pages of a flow need is small, moves nothing, and works in
// both directions of writing; whoever wants less motion is guarded as well.
func TestStyles(t *testing.T) {
	physical := regexp.MustCompile(`[\s{;-](left|right)\s*:|text-align:\s*(left|right)|transition`)
	for _, name := range []string{"tokens.css", "style.css", "noscript.css"} {
		body, err := staticFiles.ReadFile("static/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if found := physical.FindString(string(body)); found != "" || strings.Contains(string(body), "prefers-reduced-motion") {
			t.Errorf("%s has %q, or depends on motion", name, found)
		}
		if len(body) > 8<<10 {
			t.Errorf("%s has %d bytes", name, len(body))
		}
	}
}

func TestLandingShowsOneSection(t *testing.T) {
	shown := regexp.MustCompile(`<section[^>]* data-section="([a-z]+)">`)
	for _, view := range []View{ViewFragment, ViewConfirm, ViewRefusal} {
		page := everyPage(t)["landing "+string(view)]
		want := string(view)
		if view == ViewFragment {
			want = "working"
		}
		found := shown.FindAllStringSubmatch(page, -1)
		if len(found) != 1 || found[0][1] != want {
			t.Errorf("view %s shows %v", view, found)
		}
		if got := strings.Count(page, `type="hidden"`); (got > 0) != (view == ViewConfirm || view == ViewRefusal) {
			t.Errorf("view %s has %d hidden fields", view, got)
		}
	}
}

// TestTexts: every text that a template asks for is there, in each language. Each
// known scope has one.
func TestTexts(t *testing.T) {
	used := map[string]bool{}
	for _, name := range append([]string{api.ScopeTeam + "|stackoverflow.com/c/example"}, api.Scopes...) {
		used[DeviceData{Scopes: []string{name}}.Asked()[0].Text()] = true
	}
	call := regexp.MustCompile(`\b(?:t|plain) "([^"]+)"( "app" \$?\.App[ }])?`)
	err := fs.WalkDir(templateFiles, "templates", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := templateFiles.ReadFile(path)
		for _, match := range call.FindAllStringSubmatch(string(body), -1) {
			used[match[1]] = true
			if match[2] != "" {
				used[match[1]+".unknown"] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range text.All {
		for name := range used {
			if _, err := language.HTML(name); err != nil && strings.HasPrefix(err.Error(), "no text") {
				t.Error(err)
			}
		}
	}
}

func TestAssets(t *testing.T) {
	linked := regexp.MustCompile(`"/assets/([^"]+)"`)
	for name, page := range everyPage(t) {
		for _, match := range linked.FindAllStringSubmatch(page, -1) {
			if a, exact, ok := FindAsset(match[1]); !ok || !exact || len(a.Body) == 0 || a.ContentType == "" || a.ETag == "" {
				t.Errorf("%s links %s, which is not there", name, match[1])
			}
		}
	}
	for _, name := range []string{"style.css", "", "../text/en.json", "nothing.00000000.js"} {
		if _, _, ok := FindAsset(name); ok {
			t.Errorf("there is an asset %q", name)
		}
	}
	if a, exact, ok := FindAsset("style.00000000.css"); !ok || exact || len(a.Body) == 0 {
		t.Error("no style sheet for a page of another version")
	}
}

// TestStartPages: one heading, which is the title, and forms that lead back here.
func TestStartPages(t *testing.T) {
	title, h1 := regexp.MustCompile(`<title>(?:Error: )?(.*)</title>`), regexp.MustCompile(`<h1[^>]*>(.*)</h1>`)
	for name, data := range startPages() {
		body, err := newPages().Render(text.English, "/", data)
		if err != nil {
			t.Fatal(err)
		}
		page := string(body)
		titles, headings := title.FindStringSubmatch(page), h1.FindAllStringSubmatch(page, -1)
		if titles == nil || len(headings) != 1 || headings[0][1] != titles[1] {
			t.Errorf("%s has the title %q and the headings %q", name, titles, headings)
		}
		if posts := strings.Contains(page, `method="post" action="/start/try"`); posts != (name == "try" || name == "mistaken") {
			t.Errorf("%s can start a trial: %t", name, posts)
		}
		if strings.Contains(page, "autofocus") {
			t.Errorf("%s takes the focus", name)
		}
	}
}
