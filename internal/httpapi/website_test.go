package httpapi_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
	website "github.com/desktop-stack-serv/dss/internal/site"
)

// withOperator is a server whose operator says everything of themselves.
func withOperator(c *httpapi.Config) {
	c.Operator = website.Operator{Name: "Example & Co", URL: "https://example.org/", Contact: "mailto:security@example.org"}
}

// TestSite follows every link on every page of the site to a page and a heading. No
// page is large, or loads from elsewhere.
func TestSite(t *testing.T) {
	d := newDSS(t, inMemory(), withOperator)
	pages := map[string]string{}
	var visit func(path string)
	visit = func(path string) {
		if _, seen := pages[path]; seen || path == "" {
			return
		}
		status, header, body := d.do(http.MethodGet, path, "")
		pages[path] = body
		isPage := strings.HasPrefix(header.Get("Content-Type"), "text/html")
		if status != http.StatusOK || isPage && len(body) > 20_000 {
			t.Errorf("%s: %d, %d bytes", path, status, len(body))
		}
		if !isPage {
			return
		}
		for _, match := range regexp.MustCompile(`(?:href|src)="([^"#]*)`).FindAllStringSubmatch(body, -1) {
			if link := strings.ReplaceAll(match[1], "&amp;", "&"); strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "/sandbox/") {
				visit(link)
			}
		}
	}
	visit("/")
	visit("/docs/")
	visit("/auth/redirect") // for its links to what explains an error
	if len(pages) < 40 {
		t.Errorf("only %d pages", len(pages))
	}
	fragment := regexp.MustCompile(`href="([^"#]*)#([^"]+)"`)
	for path, body := range pages {
		for _, match := range fragment.FindAllStringSubmatch(body, -1) {
			to := match[1]
			if to == "" {
				to = path
			}
			if target, ok := pages[to]; ok && !strings.Contains(target, `id="`+match[2]+`"`) {
				t.Errorf("%s: nothing at %s", path, match[0])
			}
		}
	}
}

// TestSitePages: search engines may find them, under one address, and a page is
// called what it says at its top.
func TestSitePages(t *testing.T) {
	d := newDSS(t, inMemory(), withOperator)
	tag := func(body, pattern string) string {
		match := regexp.MustCompile(pattern).FindStringSubmatch(body)
		if match == nil {
			return ""
		}
		return regexp.MustCompile(`<[^>]*>`).ReplaceAllString(match[1], "")
	}
	for _, path := range []string{"/docs/", "/docs/oauth", "/docs/adr/0001-replace", "/docs/faq", "/security", "/accessibility"} {
		status, header, body := d.do(http.MethodGet, path, "")
		if status != http.StatusOK || header.Get("X-Robots-Tag") != "" {
			t.Errorf("%s: %d, %v", path, status, header)
		}
		if title := tag(body, `<title>(.*?)</title>`); title == "" || title != tag(body, `(?s)<h1[^>]*>(.*?)</h1>`) {
			t.Errorf("%s is called %q, its headline is %q", path, title, tag(body, `(?s)<h1[^>]*>(.*?)</h1>`))
		}
		for _, want := range []string{
			`<link rel="canonical" href="` + d.url + path + `">`, `<meta property="og:url" content="` + d.url + path + `">`,
			`<meta property="og:image" content="` + d.url + `/assets/card.`, `<html lang="en">`,
			`run by <a href="https://example.org/">Example &amp; Co</a>`,
		} {
			if !strings.Contains(body, want) {
				t.Errorf("%s has no %s", path, want)
			}
		}
	}
	for _, path := range []string{"/docs/none", "/docs/oauth.md", "/docs/adr", "/docs/README"} {
		status, header, _ := d.do(http.MethodGet, path, "", "Accept", "text/html")
		if status != http.StatusNotFound || header.Get("X-Robots-Tag") != "noindex" {
			t.Errorf("%s: %d, %v", path, status, header)
		}
	}
}

func TestSecurityText(t *testing.T) {
	const path = "/.well-known/security.txt"
	status, header, body := newDSS(t, inMemory(), withOperator).do(http.MethodGet, path, "")
	if status != http.StatusOK || header.Get("Content-Type") != "text/plain; charset=utf-8" ||
		!strings.HasPrefix(body, "Contact: mailto:security@example.org\n") {
		t.Errorf("%d, %v, %s", status, header, body)
	}
	if status, _, body := newDSS(t, inMemory()).do(http.MethodGet, path, ""); status != http.StatusNotFound {
		t.Errorf("without a contact: %d %s", status, body)
	}
}

// TestRobots: the paths of sign-ins are not for crawlers, and say so themselves too.
func TestRobots(t *testing.T) {
	d := newDSS(t, inMemory())
	_, _, robots := d.do(http.MethodGet, "/robots.txt", "")
	for _, path := range []string{
		"/auth/redirect", "/device", "/device/finished", "/oauth/authorize?client_id=1", "/oauth/callback", "/problem/bad_client",
	} {
		disallowed := false
		for _, match := range regexp.MustCompile(`(?m)^Disallow: (.*)$`).FindAllStringSubmatch(robots, -1) {
			disallowed = disallowed || strings.HasPrefix(path, match[1])
		}
		if _, header, _ := d.do(http.MethodGet, path, ""); !disallowed || header.Get("X-Robots-Tag") != "noindex" {
			t.Errorf("%s: disallowed %t, %v", path, disallowed, header)
		}
	}
}

// TestTermsInMetadata: the operator's page is where the terms are (RFC 8414 section 2).
func TestTermsInMetadata(t *testing.T) {
	d := newDSS(t, inMemory(), withOperator)
	var metadata api.Metadata
	_, _, body := d.do(http.MethodGet, api.PathMetadata, "")
	if err := json.Unmarshal([]byte(body), &metadata); err != nil || metadata.OpTOSURI != "https://example.org/" {
		t.Errorf("op_tos_uri is %q, %v", metadata.OpTOSURI, err)
	}
}
