package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"strings"
)

//go:embed site
var siteFiles embed.FS

// Site is a page for authors of apps, operators and the curious. These pages are in
// English.
type Site struct {
	Title     string // the headline
	About     string // in a sentence, for search engines
	Path      string
	PublicURL string
	Operator  string // who runs the server; "" if they do not say
	Homepage  string // of the operator, a URL
	Source    string // where the program's source is, a URL
	Version   string
	Content   SiteContent
}

// SiteContent is what a page of the site shows between header and footer.
type SiteContent interface {
	siteTemplate() string
	Scripts() []string // names of assets
}

// scriptless is content that needs no script.
type scriptless struct{}

func (scriptless) Scripts() []string { return nil }

// DocumentData is a document, rendered.
type DocumentData struct {
	scriptless
	Body template.HTML // with its headline
}

func (DocumentData) siteTemplate() string { return "document.html" }

// SecurityData is what the page about security shows.
type SecurityData struct {
	scriptless
	Contact string // a URL; "" if the operator names none
}

func (SecurityData) siteTemplate() string { return "security.html" }

// AccessibilityData is what the statement about accessibility shows.
type AccessibilityData struct {
	scriptless
	Contact string // a URL; "" if the operator names none
}

func (AccessibilityData) siteTemplate() string { return "accessibility.html" }

// parseSite parses the templates of the site.
func (p *Pages) parseSite() (*template.Template, error) {
	templates, err := template.New("").Funcs(template.FuncMap{
		"asset":   assetPath,
		"contact": func(address string) string { return strings.TrimPrefix(address, "mailto:") },
	}).ParseFS(siteFiles, "site/*.html")
	if err != nil {
		return nil, fmt.Errorf("parsing templates: %w", err)
	}
	return templates, nil
}

// RenderSite renders a page of the site. The first parses their templates, so that
// the start of a server need not.
func (p *Pages) RenderSite(page Site) ([]byte, error) {
	templates, err := p.site()
	if err != nil {
		return nil, err
	}
	var content, whole bytes.Buffer
	if err := templates.ExecuteTemplate(&content, page.Content.siteTemplate(), page); err != nil {
		return nil, fmt.Errorf("rendering %s: %w", page.Path, err)
	}
	err = templates.ExecuteTemplate(&whole, "frame.html", struct {
		Site
		Main template.HTML
	}{page, template.HTML(content.String())})
	if err != nil {
		return nil, fmt.Errorf("rendering %s: %w", page.Path, err)
	}
	return whole.Bytes(), nil
}
