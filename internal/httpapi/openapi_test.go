package httpapi_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/api"
)

// described is what the tests read of openapi.json.
type described struct {
	Paths      map[string]map[string]json.RawMessage
	Components struct {
		Schemas map[string]struct {
			Properties map[string]struct{ Enum []string }
			Required   []string
		}
	}
}

func readOpenAPI(t *testing.T, d dss) (doc described) {
	t.Helper()
	status, header, body := d.do(http.MethodGet, "/openapi.json", "")
	if err := json.Unmarshal([]byte(body), &doc); err != nil || status != http.StatusOK || header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d, %v, %v", status, header, err)
	}
	return doc
}

// notAPI are the routes of pages and files for people and crawlers.
var notAPI = regexp.MustCompile(`^(/|/\{\$\}|/(assets|docs|problem|start|language|sandbox|try|security|accessibility|privacy|status|oauth/continue|auth/result|auth)(/.*)?` +
	`|/auth/redirect/|/device/\{result\}|/robots\.txt|/favicon\.ico|/openapi\.json|/\.well-known/security\.txt)$`)

// TestOpenAPIRoutes: what is described is what is served.
func TestOpenAPIRoutes(t *testing.T) {
	d := newDSS(t, inMemory())
	doc := readOpenAPI(t, d)
	var served, found []string
	for _, pattern := range d.Patterns() {
		method, path, ok := strings.Cut(pattern, " ")
		if ok && (method == http.MethodGet || method == http.MethodPost) && (api.PathToken == path || api.PathRedirect == path || !notAPI.MatchString(path) || path == "/auth/redirect/{appid}") {
			served = append(served, strings.ToLower(method)+" "+path)
		}
	}
	for path, operations := range doc.Paths {
		for method := range operations {
			found = append(found, method+" "+path)
		}
	}
	slices.Sort(served)
	slices.Sort(found)
	if !slices.Equal(slices.Compact(served), found) {
		t.Errorf("served %q, described %q", served, found)
	}
}

// TestOpenAPIBodies compares the schemas with package api.
func TestOpenAPIBodies(t *testing.T) {
	schemas := readOpenAPI(t, newDSS(t, inMemory())).Components.Schemas
	bodies := []any{
		api.TokenResponse{}, api.CodeResponse{}, api.ErrorResponse{}, api.AccessToken{}, api.DeviceAuthorization{}, api.OAuthError{},
		api.Metadata{},
	}
	for _, body := range bodies {
		kind := reflect.TypeOf(body)
		var members, always []string
		for field := range kind.Fields() {
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			members = append(members, name)
			if options == "" {
				always = append(always, name)
			}
		}
		schema := schemas[kind.Name()]
		slices.Sort(members)
		slices.Sort(always)
		slices.Sort(schema.Required)
		if found := slices.Sorted(maps.Keys(schema.Properties)); !slices.Equal(found, members) || !slices.Equal(schema.Required, always) {
			t.Errorf("%s has %q, always %q; described are %q, always %q", kind.Name(), members, always, found, schema.Required)
		}
	}
	if len(schemas) != len(bodies) {
		t.Errorf("%d schemas for %d bodies", len(schemas), len(bodies))
	}
}

// TestOpenAPIErrors compares the names of errors with the table.
func TestOpenAPIErrors(t *testing.T) {
	schemas := readOpenAPI(t, newDSS(t, inMemory())).Components.Schemas
	relay, oauth := schemas["ErrorResponse"].Properties["error_name"].Enum, schemas["OAuthError"].Properties["error"].Enum
	onPages := []string{api.NotFound, api.BadClient, api.BadRedirectURI, api.WrongBrowser, api.UnknownSignIn}
	inOAuth := map[string]bool{}
	for name, e := range api.Errors {
		if e.OAuth != "" {
			inOAuth[e.OAuth] = true
		}
		if !slices.Contains(relay, name) && !slices.Contains(oauth, name) && !slices.Contains(onPages, name) {
			t.Errorf("%s is not described", name)
		}
	}
	if got, want := slices.Sorted(slices.Values(oauth)), slices.Sorted(maps.Keys(inOAuth)); !slices.Equal(got, want) {
		t.Errorf("OAuth has %q, described are %q", want, got)
	}
	for _, name := range relay {
		if _, ok := api.Errors[name]; !ok {
			t.Errorf("%s is described", name)
		}
	}
}
