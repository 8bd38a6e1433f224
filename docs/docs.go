// Package docs holds the documentation, which a server shows at /docs/.
package docs

import "embed"

// Files are the documents, in Markdown; those in adr are decisions.
//
//go:embed *.md adr/*.md
var Files embed.FS

// OpenAPI describes the API, as OpenAPI 3.1.
//
//go:embed openapi.json
var OpenAPI []byte
