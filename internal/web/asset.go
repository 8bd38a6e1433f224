package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
)

//go:embed static
var staticFiles embed.FS

// Asset is a static file served under /assets/. Its name changes with its
// content, so it may be cached for ever.
type Asset struct {
	ContentType string
	Body        []byte // shared: not to be changed
	ETag        string // strong, with its quotes
}

// contentTypes lists the kinds of assets there are.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
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
		if err := all.load(entry.Name()); err != nil {
			return assets{}, err
		}
	}
	return all, nil
}

func (a assets) load(name string) error {
	extension := path.Ext(name)
	contentType, ok := contentTypes[extension]
	if !ok {
		return fmt.Errorf("asset %s: unknown content type", name)
	}
	body, err := staticFiles.ReadFile("static/" + name)
	if err != nil {
		return fmt.Errorf("reading asset: %w", err)
	}
	sum := sha256.Sum256(body)
	hashed := strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(sum[:4]) + extension
	a.hashed[name] = hashed
	a.files[hashed] = Asset{contentType, body, `"` + hex.EncodeToString(sum[:16]) + `"`}
	return nil
}

// path returns where the pages find the asset called name.
func (a assets) path(name string) (string, error) {
	hashed, ok := a.hashed[name]
	if !ok {
		return "", fmt.Errorf("no asset %q", name)
	}
	return "/assets/" + hashed, nil
}

// Asset returns the asset called file, which is its hashed name: what follows
// /assets/ in a path.
func (p *Pages) Asset(file string) (Asset, bool) {
	asset, ok := p.assets.files[file]
	return asset, ok
}
