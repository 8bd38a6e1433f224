package site

import (
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"github.com/desktop-stack-serv/dss/internal/pattern"
)

// page is a document while it is parsed.
type page struct {
	name         string // of its file
	files        fs.FS
	title, about string
}

// Transform finds what the document is about, makes links of its headings, and has
// the links of the file work on the page.
func (p *page) Transform(document *ast.Document, reader text.Reader, _ parser.Context) {
	source := reader.Source()
	var headings []*ast.Heading
	_ = ast.Walk(document, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch node := node.(type) {
		case *ast.Heading:
			headings = append(headings, node)
		case *ast.Paragraph:
			if p.about == "" {
				p.about = plain(node, source)
			}
		case *ast.Link:
			node.Destination = []byte(p.target(string(node.Destination)))
		}
		return ast.WalkContinue, nil
	})
	for _, heading := range headings {
		if heading.Level == 1 && p.title == "" {
			p.title = plain(heading, source)
			continue
		}
		linkToItself(heading)
	}
}

// linkToItself makes the words of a heading a link to it.
func linkToItself(heading *ast.Heading) {
	id, ok := heading.AttributeString("id")
	if !ok {
		return
	}
	link := ast.NewLink()
	link.Destination = append([]byte("#"), id.([]byte)...)
	for child := heading.FirstChild(); child != nil; child = heading.FirstChild() {
		link.AppendChild(link, child)
	}
	heading.AppendChild(heading, link)
}

// target returns where a link of the document leads to on its page.
func (p *page) target(link string) string {
	file, fragment, found := strings.Cut(link, "#")
	if found {
		fragment = "#" + fragment
	}
	if file == "" || strings.Contains(file, ":") { // here, or with a scheme
		return link
	}
	name := path.Join(path.Dir(p.name), file)
	if _, err := fs.Stat(p.files, name); err == nil && path.Ext(name) == ".md" {
		return DocsPath + pathOf(name) + fragment
	}
	return Source + "/blob/main/" + path.Join("docs", name) + fragment
}

// plain returns the text of a node without markup.
func plain(node ast.Node, source []byte) string {
	var out strings.Builder
	_ = ast.Walk(node, func(child ast.Node, entering bool) (ast.WalkStatus, error) {
		if word, ok := child.(*ast.Text); ok && entering {
			out.Write(word.Value(source))
			if word.SoftLineBreak() {
				out.WriteByte(' ')
			}
		}
		return ast.WalkContinue, nil
	})
	return out.String()
}

// anchors names the headings of a document as GitHub does. The value of a name is
// how many headings have it.
type anchors map[string]int

// marks are what GitHub leaves out of an anchor.
var marks = pattern.Lazy(`[^\p{L}\p{N}_ -]`)

// Anchor returns the anchor of a heading, as GitHub makes it of the first of its
// name.
func Anchor(heading string) string {
	return strings.ReplaceAll(marks().ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// Generate implements [parser.IDs].
func (a anchors) Generate(heading []byte, _ ast.NodeKind) []byte {
	anchor := Anchor(string(heading))
	a[anchor]++
	if n := a[anchor]; n > 1 {
		anchor += "-" + strconv.Itoa(n-1)
	}
	return []byte(anchor)
}

// Put implements [parser.IDs]: no document names a heading itself.
func (anchors) Put([]byte) {}
