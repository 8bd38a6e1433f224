package site

import (
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/docs"
)

// TestRender has what documents use of Markdown, and what they must not.
func TestRender(t *testing.T) {
	files := fstest.MapFS{
		"README.md": {Data: []byte("# All of `it`\n\nTwo\nlines, [a](sub/a.md#b-c), [here](#x), [out](../x/y.go), [far](https://example.org/a.md).\n\n" +
			"## A `b_c`: *d* & e!\n\n## A `b_c`: d & e\n\n| a |\n|---|\n| <table> |\n\n<script>alert(1)</script>\n\n" +
			"`x --y-z=<a-b>` `a-word-with-more-than-24-letters`\n\n```sh\nx --y\n```\n\n    x --y\n")},
		"sub/a.md": {Data: []byte("# A\n\n[up](../README.md), [next](b.md), [folder](..)\n")},
	}
	documents := NewDocuments(files)
	first, ok, err := documents.Find("")
	if !ok || err != nil || first.Title != "All of it" || first.About != "Two lines, a, here, out, far." {
		t.Fatalf("%+v, %t, %v", first, ok, err)
	}
	for _, want := range []string{
		`href="/docs/sub/a#b-c"`, `href="#x"`, `href="` + Source + `/blob/main/x/y.go"`, `href="https://example.org/a.md"`,
		`<h1 id="all-of-it">`, `<h2 id="a-b_c-d--e"><a href="#a-b_c-d--e">A <code>b_c</code>: <em>d</em> &amp; e!</a></h2>`,
		`id="a-b_c-d--e-1"`, `<div class="table" tabindex="0" role="region" aria-label="Table 1"><table>`,
		`<code>x <span class="word">--y-z=&lt;a-b&gt;</span></code> <code>a-word-with-more-than-24-letters</code>`,
		`<pre tabindex="0"><code class="language-sh">x --y`, `<pre tabindex="0"><code>x --y`,
	} {
		if !strings.Contains(string(first.Body), want) {
			t.Errorf("no %s in\n%s", want, first.Body)
		}
	}
	if strings.Contains(string(first.Body), "<script") || strings.Count(string(first.Body), "<table>") != 1 {
		t.Errorf("%s", first.Body)
	}
	second, ok, err := documents.Find("sub/a")
	if !ok || err != nil || !strings.Contains(string(second.Body), `href="/docs/"`) ||
		!strings.Contains(string(second.Body), `href="`+Source+`/blob/main/docs"`) ||
		!strings.Contains(string(second.Body), Source+`/blob/main/docs/sub/b.md`) {
		t.Errorf("%+v, %t, %v", second, ok, err)
	}
	for _, path := range []string{"sub/b", "README", "README.md", "sub", "../docs", "sub/a.md"} {
		if _, ok, _ := documents.Find(path); ok {
			t.Errorf("there is a document at %q", path)
		}
	}
}

// TestDocuments renders all documents: each has a title, and its links to others
// lead to a document and a heading in it.
func TestDocuments(t *testing.T) {
	documents := NewDocuments(docs.Files)
	bodies := map[string]string{}
	for _, below := range documents.Paths() {
		document, _, err := documents.Find(below)
		if err != nil || document.Title == "" || document.About == "" {
			t.Errorf("%s: %q, %q, %v", below, document.Title, document.About, err)
		}
		bodies[DocsPath+below] = string(document.Body)
		if regexp.MustCompile(`<[^>]* (style|on\w+)=`).MatchString(string(document.Body)) {
			t.Errorf("%s has a style or a script in a tag", below)
		}
		if strings.Contains(string(document.Body), "<ol start") {
			t.Errorf("%s has a list that begins with the number of a sentence", below)
		}
	}
	files, _ := fs.Glob(docs.Files, "*.md")
	if len(bodies) < len(files) || len(files) < 15 {
		t.Errorf("%d documents of %d files", len(bodies), len(files))
	}
	link := regexp.MustCompile(`href="([^"#]*)(?:#([^"]*))?"`)
	for from, body := range bodies {
		for _, match := range link.FindAllStringSubmatch(body, -1) {
			to := match[1]
			if to == "" {
				to = from
			}
			target, ok := bodies[to]
			if !ok && strings.HasPrefix(path.Clean(to), "/docs") || ok && match[2] != "" && !strings.Contains(target, `id="`+match[2]+`"`) {
				t.Errorf("%s: nothing at %s", from, match[0])
			}
		}
	}
}

// TestSecurityText parses security.txt as RFC 9116 section 4 has it.
func TestSecurityText(t *testing.T) {
	now := time.Date(2026, 11, 28, 13, 14, 15, 0, time.FixedZone("", 3600))
	text := SecurityText("https://auth.example.org", "mailto:security@example.org", now)
	fields := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		match := regexp.MustCompile(`^([A-Za-z-]+): (\S.*)$`).FindStringSubmatch(line)
		if match == nil || fields[match[1]] != "" {
			t.Fatalf("the line %q", line)
		}
		fields[match[1]] = match[2]
	}
	expires, err := time.Parse(time.RFC3339, fields["Expires"])
	if err != nil || !expires.After(now) || expires.After(now.AddDate(1, 0, 0)) {
		t.Errorf("it expires at %q: %v", fields["Expires"], err)
	}
	if fields["Contact"] != "mailto:security@example.org" || fields["Preferred-Languages"] != "en" ||
		fields["Canonical"] != "https://auth.example.org/.well-known/security.txt" || fields["Policy"] != "https://auth.example.org/security" {
		t.Errorf("%s", text)
	}
	if later := SecurityText("https://auth.example.org", "mailto:security@example.org", now.Add(time.Minute)); later != text {
		t.Errorf("a minute later it is\n%s", later)
	}
}

// TestErrors: each error has its heading in the document, with its status and its name
// in OAuth.
func TestErrors(t *testing.T) {
	text, err := fs.ReadFile(docs.Files, "errors.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^## (\w+)\n\n(\d+)`).FindAllStringSubmatch(string(text), -1) {
		found[match[1]] = true
		if e, ok := api.Errors[match[1]]; !ok || match[2] != strconv.Itoa(e.Status) {
			t.Errorf("%s has %s, want %d", match[1], match[2], e.Status)
		}
	}
	for name, e := range api.Errors {
		if !found[name] || e.OAuth != "" && !strings.Contains(string(text), "`"+e.OAuth+"`") && !found[e.OAuth] {
			t.Errorf("docs/errors.md has no %s, or not its name in OAuth, %q", name, e.OAuth)
		}
		if e.Message == "" {
			t.Errorf("%s has no message", name)
		}
	}
}
