// Package site makes the pages and files of the website that are not templates:
// the documentation, from Markdown, and what machines read about the server.
//
// A document is rendered when it is first asked for. Its links to other documents
// lead to their pages, and those to other files to the source. Raw HTML in a document
// is left out.
package site

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/util"

	"github.com/desktop-stack-serv/dss/internal/pattern"
)

const (
	// Source is where the program's source is.
	Source = "https://github.com/desktop-stack-serv/dss"
	// DocsPath is the path of the first document; the others are below it.
	DocsPath = "/docs/"
)

// index is the document at DocsPath.
const index = "README.md"

// Document is a document as a page.
type Document struct {
	Title string // its first heading
	About string // its first paragraph, without markup
	Body  template.HTML
}

// Documents are all documents. They are safe for concurrent use.
type Documents struct {
	rendered map[string]func() (Document, error) // by path below DocsPath
}

// NewDocuments finds the Markdown files in files. It renders none.
func NewDocuments(files fs.FS) *Documents {
	d := &Documents{rendered: map[string]func() (Document, error){}}
	// An embedded file system can be read.
	_ = fs.WalkDir(files, ".", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && path.Ext(name) == ".md" {
			d.rendered[pathOf(name)] = sync.OnceValues(func() (Document, error) { return render(files, name) })
		}
		return err
	})
	return d
}

// Find returns the document at a path below [DocsPath]. It is not ok if there is
// none.
func (d *Documents) Find(below string) (doc Document, ok bool, err error) {
	rendered, ok := d.rendered[below]
	if !ok {
		return Document{}, false, nil
	}
	doc, err = rendered()
	return doc, true, err
}

// Paths returns the paths of all documents below [DocsPath], in no order.
func (d *Documents) Paths() []string {
	paths := make([]string, 0, len(d.rendered))
	for below := range d.rendered {
		paths = append(paths, below)
	}
	return paths
}

// pathOf returns the path of a file's page below [DocsPath].
func pathOf(name string) string {
	if name == index {
		return ""
	}
	return strings.TrimSuffix(name, ".md")
}

func render(files fs.FS, name string) (Document, error) {
	source, err := fs.ReadFile(files, name)
	if err != nil {
		return Document{}, fmt.Errorf("reading document: %w", err)
	}
	page := &page{name: name, files: files}
	markdown := goldmark.New(
		// A style in a cell would be against the pages' Content-Security-Policy.
		goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute))),
		goldmark.WithParserOptions(
			parser.WithAutoHeadingID(),
			parser.WithASTTransformers(util.Prioritized(page, 500)),
		),
	)
	var body bytes.Buffer
	context := parser.NewContext(parser.WithIDs(anchors{}))
	if err := markdown.Convert(source, &body, parser.WithContext(context)); err != nil {
		return Document{}, fmt.Errorf("rendering %s: %w", name, err)
	}
	return Document{page.title, page.about, template.HTML(whole(scrollable(body.String())))}, nil
}

// scrollable has tables and code scroll where they are too wide, also by keyboard. Text
// of a document is escaped, and cannot look like either.
func scrollable(html string) string {
	parts := strings.Split(strings.ReplaceAll(html, "<pre>", `<pre tabindex="0">`), "<table>")
	var out strings.Builder
	out.WriteString(parts[0])
	for i, part := range parts[1:] {
		fmt.Fprintf(&out, `<div class="table" tabindex="0" role="region" aria-label="Table %d"><table>`, i+1)
		out.WriteString(strings.Replace(part, "</table>", "</table></div>", 1))
	}
	return out.String()
}

var (
	codeInText = pattern.Lazy(`<code>[^<\n]*</code>`) // that of a block ends with its line
	hyphenated = pattern.Lazy(`[^\s<>]*-[^\s<>]*`)
)

// longestWhole is how many letters of code fit beside the bullets of the narrowest screen.
const longestWhole = 24

// whole keeps flags and other short words of code from breaking at their hyphens.
func whole(html string) string {
	return codeInText().ReplaceAllStringFunc(html, func(code string) string {
		return hyphenated().ReplaceAllStringFunc(code, func(word string) string {
			if len(word) > longestWhole {
				return word
			}
			return `<span class="word">` + word + `</span>`
		})
	})
}
