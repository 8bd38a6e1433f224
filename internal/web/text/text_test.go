package text

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// language returns one with a few messages.
func language(t *testing.T, plural plural, body string) *Language {
	t.Helper()
	l := newLanguage("xx", "Test", "ltr", plural, func() ([]byte, error) { return []byte(body), nil })
	if _, err := l.messages(); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestHTML(t *testing.T) {
	l := language(t, oneOther, `{
		"plain": "Fish & <chips>",
		"app": "Go back to {app}; {app} waits.",
		"marks": "Run `+"`dss login {id}`"+` **now**, or [read {app} first]({docs}).",
		"count": {"one": "{n} minute ago", "other": "{n} minutes ago"}
	}`)
	for _, c := range []struct {
		name   string
		values []any
		want   string
	}{
		{"plain", nil, "Fish &amp; &lt;chips&gt;"},
		{"app", []any{"app", `<i>"x"</i>`}, "Go back to <bdi>&lt;i&gt;&#34;x&#34;&lt;/i&gt;</bdi>; <bdi>&lt;i&gt;&#34;x&#34;&lt;/i&gt;</bdi> waits."},
		{"app", []any{"app", "A & B"}, "Go back to <bdi>A&nbsp;&amp;&nbsp;B</bdi>; <bdi>A&nbsp;&amp;&nbsp;B</bdi> waits."},
		{"app", []any{"app", "A name that is long"}, "Go back to <bdi>A name that is long</bdi>; <bdi>A name that is long</bdi> waits."},
		{"app", []any{"app", HTML("<b>x</b>")}, "Go back to <b>x</b>; <b>x</b> waits."},
		{"app", []any{"app", "{app} [x]({app}) `y` **z**"}, "Go back to <bdi>{app} [x]({app}) `y` **z**</bdi>; <bdi>{app} [x]({app}) `y` **z**</bdi> waits."},
		{
			"marks", []any{"id", 7, "app", "A", "docs", "/docs?a=1&b=2"},
			`Run <code dir="ltr">dss login 7</code> <strong>now</strong>, or <a href="/docs?a=1&amp;b=2">read <bdi>A</bdi> first</a>.`,
		},
		{
			"marks", []any{"id", 7, "app", "A", "docs", `https://x.example/"`},
			`Run <code dir="ltr">dss login 7</code> <strong>now</strong>, or ` +
				`<a href="https://x.example/&#34;" target="_blank" rel="noopener noreferrer">read <bdi>A</bdi> first</a>.`,
		},
		{
			"marks", []any{"id", 7, "app", "A", "docs", "javascript:alert(1)"},
			`Run <code dir="ltr">dss login 7</code> <strong>now</strong>, or <a>read <bdi>A</bdi> first</a>.`,
		},
		{"count", []any{"n", 1}, "1 minute ago"},
		{"count", []any{"n", 0}, "0 minutes ago"},
	} {
		if got, err := l.HTML(c.name, c.values...); err != nil || string(got) != c.want {
			t.Errorf("%s with %q:\n%s, %v, want\n%s", c.name, c.values, got, err, c.want)
		}
	}
	if got, err := l.Plain("marks", "id", 7, "app", "<A>", "docs", "/docs"); got != "Run dss login 7 now, or read <A> first (/docs)." || err != nil {
		t.Errorf("plain text: %s, %v", got, err)
	}
}

// TestWhereLinesBreak: not in a name, nor after a word of one letter; those of a headline
// first between its sentences. A text without markup says nothing of it.
func TestWhereLinesBreak(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"x", "Go to Stack Exchange, not to Stack Apps.", "Go to Stack\u00a0Exchange, not to Stack\u00a0Apps."},
		{"x", "В {app} и в «O Stack Overflow».", "В\u00a0<bdi>A</bdi> и\u00a0в\u00a0«O\u00a0Stack\u00a0Overflow»."},
		{"x", "I need a sign-in, or `a Stack Apps b`.", "I need a sign\u2011in, or <code dir=\"ltr\">a Stack Apps b</code>."},
		{"x", "Press “I didn’t”, a and I say.", "Press “I\u00a0didn’t”, a and I say."},
		{"x", "Это не так.", "Это не\u00a0так."},
		{"x", "「{app}」に進む", "「<bdi>A</bdi>」\u2060に進む"},
		{"x", "{app}の{app} A", "<bdi>A</bdi>\u2060の<bdi>A</bdi> A"},
		{"x", "Stopped. Nothing was connected.", "Stopped. Nothing was connected."},
		{"x.title", "Stopped.", "Stopped."},
		{"x.title", "Stopped. Nothing was connected.", "<span>Stopped.</span> <span>Nothing was connected.</span>"},
		{"x.title.unknown", "Done, {app} 1.0 has it. Go. **Now.**", "<span>Done, <bdi>A</bdi> 1.0 has it.</span> <span>Go.</span> <span><strong>Now.</strong></span>"},
		{"x.title", "中止しました。\u200b何も\u200b連携されていません。", "<span>中止しました。</span>\u200b<span>何も\u200b連携されていません。</span>"},
	} {
		file, err := json.Marshal(map[string]string{c.name: c.text})
		if err != nil {
			t.Fatal(err)
		}
		l, values := language(t, oneOther, string(file)), []any(nil)
		if strings.Contains(c.text, "{app}") {
			values = []any{"app", "A"}
		}
		if got, err := l.HTML(c.name, values...); err != nil || string(got) != c.want {
			t.Errorf("%s:\n%q, %v, want\n%q", c.text, got, err, c.want)
		}
		plain := strings.NewReplacer("{app}", "A", "`", "", "*", "", "\u200b", "").Replace(c.text)
		if got, err := l.Plain(c.name, values...); err != nil || got != plain || WithoutBreaks(got) != got {
			t.Errorf("%s: %q, %v", c.text, got, err)
		}
	}
}

// TestTypeset: Japanese has no space after a stop.
func TestTypeset(t *testing.T) {
	const page = "<p>ない。 <strong>はい。</strong> <a>運営：</a> X, Y？ </p>"
	for tag, want := range map[string]string{"en": page, "ja": "<p>ない。<strong>はい。</strong><a>運営：</a>X, Y？</p>"} {
		if got := string(All.Find(tag).Typeset([]byte(page))); got != want {
			t.Errorf("%s: %s", tag, got)
		}
	}
}

// TestLinksLeadNowhereStrange: to this site, or over HTTP, or to a mailbox.
func TestLinksLeadNowhereStrange(t *testing.T) {
	l := language(t, oneOther, `{"x": "[x]({x})"}`)
	for _, address := range []string{
		"", "javascript:alert(1)", "JavaScript:x", "data:text/html,x", " https://x", "//x.example", "x", "/\tx\"><script>", "file:///etc",
	} {
		got, err := l.HTML("x", "x", address)
		if err != nil || strings.Contains(string(got), "href") && !strings.HasPrefix(string(got), `<a href="/`) || strings.Contains(string(got), "<script") {
			t.Errorf("%q: %s, %v", address, got, err)
		}
	}
}

func TestWhatDoesNotFitFails(t *testing.T) {
	l := language(t, oneOther, `{"x": "{a} and {b}", "none": "none", "n": {"one": "{n} x", "other": "{n} xs"}}`)
	for _, call := range [][]any{
		{"missing"},
		{"x"},
		{"x", "a", 1},
		{"x", "a", 1, "b"},
		{"x", "a", 1, "b", 2, "c", 3},
		{"none", "a", 1},
		{"n", "n", "1"},
	} {
		if got, err := l.HTML(call[0].(string), call[1:]...); err == nil {
			t.Errorf("%q: %s", call, got)
		}
	}
}

func TestMessagesAreParsedStrictly(t *testing.T) {
	for _, body := range []string{
		`{"x": "an {open brace"}`, `{"x": "{Upper}"}`, `{"x": "a } brace"}`, "{\"x\": \"`code\"}", `{"x": "**strong"}`,
		`{"x": "[words]"}`, `{"x": "[words](https://example.org)"}`, `{"x": "words]({link})"}`, `{"x": "[a [b]({link})]({link})"}`,
		`{"x": ""}`, `{"x": 1}`, `{"x": null}`, `{"x": {"one": "{n} x"}}`, `{"x": {"one": "x", "other": "xs"}}`, `[]`, `{`,
	} {
		if m, err := parseMessages([]byte(body)); err == nil {
			t.Errorf("%s is parsed: %v", body, m)
		}
	}
}

// TestFilesAgree: each language has the names, placeholders and marks of English,
// and each form that it counts with.
func TestFilesAgree(t *testing.T) {
	english, err := English.messages()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := files.ReadDir(".")
	if err != nil || len(entries) != len(All) {
		t.Errorf("%d files for %d languages, %v", len(entries), len(All), err)
	}
	for _, l := range All {
		messages, err := l.messages()
		if err != nil {
			t.Fatal(err)
		}
		for name, m := range messages {
			if _, ok := english[name]; !ok {
				t.Errorf("%s: %s is not in English", l.Tag, name)
			}
			if forms := categories(m); len(m.forms) > 1 && !slices.Equal(forms, l.plural.categories) {
				t.Errorf("%s: %s has the forms %q, not %q", l.Tag, name, forms, l.plural.categories)
			}
		}
		for name, want := range english {
			m, ok := messages[name]
			if !ok {
				t.Errorf("%s lacks %s", l.Tag, name)
			} else if got, want := signature(m), signature(want); got != want {
				t.Errorf("%s: %s has %s, not %s", l.Tag, name, got, want)
			}
		}
	}
}

// categories lists the forms of a message, in the order of plural.categories.
func categories(m message) (list []category) {
	for _, c := range []category{one, few, many, other} {
		if _, ok := m.forms[c]; ok {
			list = append(list, c)
		}
	}
	return list
}

// signature lists the placeholders and marks of the form other, sorted: a language
// may order them in another way.
func signature(m message) string {
	var list []string
	for _, p := range m.forms[other] {
		if p.kind != literal && p.kind != sentence {
			list = append(list, strings.Repeat("#", int(p.kind))+p.text)
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// TestTextsHaveNoDuplicates, of which encoding/json keeps the last.
func TestTextsHaveNoDuplicates(t *testing.T) {
	for _, l := range All {
		body, err := files.ReadFile(l.Tag + ".json")
		if err != nil {
			t.Fatal(err)
		}
		decoder, seen := json.NewDecoder(strings.NewReader(string(body))), map[string]bool{}
		if _, err := decoder.Token(); err != nil {
			t.Fatal(err)
		}
		for decoder.More() {
			name, err := decoder.Token()
			if err != nil {
				t.Fatal(err)
			}
			if seen[name.(string)] {
				t.Errorf("%s has %q twice", l.Tag, name)
			}
			seen[name.(string)] = true
			var value json.RawMessage
			if err := decoder.Decode(&value); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestTextsAreUsed looks for each name in the templates and the Go files of the
// module.
func TestTextsAreUsed(t *testing.T) {
	var all strings.Builder
	err := filepath.WalkDir("../../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.Name() == "node_modules":
			return fs.SkipDir
		case strings.HasSuffix(path, ".html"), strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			body, err := os.ReadFile(path)
			all.Write(body)
			return err
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	messages, err := English.messages()
	if err != nil {
		t.Fatal(err)
	}
	for name := range messages {
		group := name[:strings.LastIndex(name, ".")+1]
		name = strings.TrimSuffix(name, ".unknown") // said of an app without a name
		if !strings.Contains(all.String(), `"`+name+`"`) && group != "device.scope." && group != "sandbox.scope." {
			t.Errorf("text %q is used nowhere", name)
		}
	}
}

func TestPlurals(t *testing.T) {
	for _, c := range []struct {
		plural plural
		want   map[int]category
	}{
		{oneOther, map[int]category{0: other, 1: one, 2: other, 21: other}},
		{spanish, map[int]category{0: other, 1: one, 2: other, 1_000_000: many, 2_000_000: many, 1_000_001: other}},
		{portuguese, map[int]category{0: one, 1: one, 2: other, 3_000_000: many}},
		{russian, map[int]category{0: many, 1: one, 2: few, 4: few, 5: many, 11: many, 12: many, 14: many, 21: one, 22: few, 25: many, 111: many, 101: one}},
		{alwaysOther, map[int]category{0: other, 1: other, 7: other}},
	} {
		for n, want := range c.want {
			if got := c.plural.choose(n); got != want || !slices.Contains(c.plural.categories, got) {
				t.Errorf("%v: %d is %s, not %s", c.plural.categories, n, got, want)
			}
		}
	}
}
