package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
)

//go:embed templates
var templateFiles embed.FS

// Pages renders the pages of DSS and hands out their assets. It is immutable
// and safe for concurrent use.
type Pages struct {
	templates *template.Template
	texts     texts
	assets    assets
}

// New parses the templates, reads the texts and hashes the assets. It fails
// only when the embedded files contradict each other.
func New() (*Pages, error) {
	texts, err := loadTexts("en")
	if err != nil {
		return nil, err
	}
	assets, err := loadAssets()
	if err != nil {
		return nil, err
	}
	p := &Pages{texts: texts, assets: assets}
	p.templates, err = template.New("").Funcs(p.funcs()).ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parsing templates: %w", err)
	}
	return p, nil
}

// funcs are what templates may call: t for a text, rich for a text with
// `code` in it, fill for a value in a text, asset for the path of an asset.
func (p *Pages) funcs() template.FuncMap {
	return template.FuncMap{
		"t":     p.texts.get,
		"rich":  p.texts.rich,
		"fill":  fill,
		"asset": p.assets.path,
	}
}

// render executes one template into memory, so that a failure sends nothing.
func (p *Pages) render(name string, data any) ([]byte, error) {
	var page bytes.Buffer
	if err := p.templates.ExecuteTemplate(&page, name, data); err != nil {
		return nil, fmt.Errorf("rendering %s: %w", name, err)
	}
	return page.Bytes(), nil
}
