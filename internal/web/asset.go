package web

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"
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

// loaded returns the assets. The first page or asset hashes the files, and copies them
// to the heap, so that the start of a server need not.
var loaded = sync.OnceValue(func() assets {
	all := assets{files: map[string]Asset{}, hashed: map[string]string{}}
	entries, _ := staticFiles.ReadDir("static") // an embedded folder can be read
	for _, entry := range entries {
		all.add(entry.Name())
	}
	return all
})

func (a assets) add(name string) {
	extension := path.Ext(name)
	body, err := staticFiles.ReadFile("static/" + name)
	if err != nil || contentTypes[extension] == "" {
		panic(fmt.Sprintf("asset %s has no content or no known type: %v", name, err)) // it is a part of the program
	}
	sum := sha256.Sum256(body)
	hashed := fmt.Sprintf("%s.%x%s", strings.TrimSuffix(name, extension), sum[:4], extension)
	a.hashed[name] = hashed
	a.files[hashed] = Asset{contentTypes[extension], body, fmt.Sprintf(`"%x"`, sum[:16])}
}

//go:embed static/tokens.css
var tokens []byte

// Tokens returns the style sheet of the colours, sizes and fonts that pages outside
// of this package share with its own.
func Tokens() []byte { return tokens }

// assetPath returns where the pages find the asset called name.
func assetPath(name string) (string, error) {
	hashed, ok := loaded().hashed[name]
	if !ok {
		return "", fmt.Errorf("no asset %q", name)
	}
	return "/assets/" + hashed, nil
}

// hashedName matches hashed names.
var hashedName = regexp.MustCompile(`^([a-z]+)\.[0-9a-f]{8}(\.[a-z]+)$`)

// FindAsset returns the asset called file, which is its hashed name: what follows
// /assets/ in a path. It is not exact if the hash is another one: while servers
// are upgraded one by one, a page may come from one version and its assets from
// another.
func FindAsset(file string) (asset Asset, exact, ok bool) {
	all := loaded()
	if asset, ok = all.files[file]; ok {
		return asset, true, true
	}
	if name := hashedName.FindStringSubmatch(file); name != nil {
		asset, ok = all.files[all.hashed[name[1]+name[2]]]
	}
	return asset, false, ok
}

// Favicon returns the icon for browsers that know no other.
func Favicon() Asset {
	all := loaded()
	return all.files[all.hashed["favicon.ico"]]
}
