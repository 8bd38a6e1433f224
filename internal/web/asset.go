package web

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"path"
	"regexp"
	"strings"
)

//go:embed static
var staticFiles embed.FS

// Asset is a static file served under /assets/. Its name changes with its
// content, so it may be cached for ever.
type Asset struct {
	ContentType string
	Body        []byte // shared: do not change it
	ETag        string // strong, with its quotes
}

// contentTypes lists the kinds of assets.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".ico": "image/vnd.microsoft.icon",
	".js":  "text/javascript; charset=utf-8",
	".png": "image/png",
	".svg": "image/svg+xml",
}

// assets holds the static files by hashed name, and the hashed names by name.
type assets struct {
	files  map[string]Asset
	hashed map[string]string
}

func loadAssets() (assets, error) {
	all := assets{files: map[string]Asset{}, hashed: map[string]string{}}
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		return assets{}, fmt.Errorf("listing assets: %w", err)
	}
	for _, entry := range entries {
		name, extension := entry.Name(), path.Ext(entry.Name())
		contentType, ok := contentTypes[extension]
		if !ok {
			return assets{}, fmt.Errorf("asset %s: unknown content type", name)
		}
		body, err := staticFiles.ReadFile("static/" + name)
		if err != nil {
			return assets{}, fmt.Errorf("reading asset: %w", err)
		}
		sum := sha256.Sum256(body)
		hashed := fmt.Sprintf("%s.%x%s", strings.TrimSuffix(name, extension), sum[:4], extension)
		all.hashed[name] = hashed
		all.files[hashed] = Asset{contentType, body, fmt.Sprintf(`"%x"`, sum[:16])}
	}
	return all, nil
}

//go:embed static/tokens.css
var tokens []byte

// Tokens returns the style sheet of the colours, sizes and fonts that pages outside
// of this package share with its own.
func Tokens() []byte { return tokens }

// path returns where the pages find the asset called name.
func (a assets) path(name string) (string, error) {
	hashed, ok := a.hashed[name]
	if !ok {
		return "", fmt.Errorf("no asset %q", name)
	}
	return "/assets/" + hashed, nil
}

// hashedName matches hashed names.
var hashedName = regexp.MustCompile(`^([a-z]+)\.[0-9a-f]{8}(\.[a-z]+)$`)

// Asset returns the asset called file, which is its hashed name: what follows
// /assets/ in a path. It is not exact if the hash is another one: while servers
// are upgraded one by one, a page may come from one version and its assets from
// another.
func (p *Pages) Asset(file string) (asset Asset, exact, ok bool) {
	if asset, ok = p.assets.files[file]; ok {
		return asset, true, true
	}
	if name := hashedName.FindStringSubmatch(file); name != nil {
		asset, ok = p.assets.files[p.assets.hashed[name[1]+name[2]]]
	}
	return asset, false, ok
}

// Favicon returns the icon for browsers that know no other.
func (p *Pages) Favicon() Asset { return p.assets.files[p.assets.hashed["favicon.ico"]] }
