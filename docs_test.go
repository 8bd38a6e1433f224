package dss_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/site"
)

var (
	link    = regexp.MustCompile(`\]\(([^)#:]*)(?:#([^)]*))?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

func text(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestLinks follows the links of all documents to files and headings.
func TestLinks(t *testing.T) {
	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 20 {
		t.Errorf("only %d documents", len(files))
	}
	for _, file := range files {
		for _, match := range link.FindAllStringSubmatch(text(t, file), -1) {
			target := file
			if match[1] != "" {
				target = filepath.Join(filepath.Dir(file), match[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", file, err)
			} else if match[2] != "" && !hasHeading(text(t, target), match[2]) {
				t.Errorf("%s: %s has no heading #%s", file, target, match[2])
			}
		}
	}
}

func hasHeading(document, anchor string) bool {
	for _, match := range heading.FindAllStringSubmatch(document, -1) {
		if site.Anchor(match[1]) == anchor {
			return true
		}
	}
	return false
}

// TestThreatsAreTested looks for each test that docs/threats.md and docs/cases.md
// name, in the folder that they name before, or in internal/httpapi.
func TestThreatsAreTested(t *testing.T) {
	there := tests(t)
	folder := regexp.MustCompile("`([a-z/]+)`(?:, `([a-z/]+)`)?: ")
	function := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	file := regexp.MustCompile("`([a-z_]+(?:\\.test\\.js|\\.txt|\\.txtar|_test\\.go))`")
	n := 0
	for _, part := range regexp.MustCompile(`[|;\n]`).Split(text(t, "docs/threats.md")+text(t, "docs/cases.md"), -1) {
		folders := folder.FindStringSubmatch(part)
		if folders == nil {
			folders = []string{"", "internal/httpapi"}
		}
		for _, match := range function.FindAllStringSubmatch(part, -1) {
			n++
			for _, name := range folders[1:] {
				if name == "dss" {
					name = "."
				}
				if name != "" && !there[name+" "+match[1]] {
					t.Errorf("%s has no %s", name, match[1])
				}
			}
		}
		for _, match := range file.FindAllStringSubmatch(part, -1) {
			if n++; !there[match[1]] {
				t.Errorf("there is no %s", match[1])
			}
		}
	}
	if n < 100 {
		t.Errorf("the documents name only %d tests", n)
	}
}

// tests returns the names of all files, and of all tests after their folder.
func tests(t *testing.T) map[string]bool {
	there := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() == "node_modules" {
			return filepath.SkipDir
		}
		there[entry.Name()] = true
		if strings.HasSuffix(path, "_test.go") {
			for _, match := range function.FindAllStringSubmatch(text(t, path), -1) {
				there[filepath.ToSlash(filepath.Dir(path))+" "+match[1]] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return there
}

// TestPackagesAreDescribed looks for each internal package in docs/design.md.
func TestPackagesAreDescribed(t *testing.T) {
	design := text(t, "docs/design.md")
	for name := range allowed {
		inside := strings.HasPrefix(name, "internal/")
		if inside && !strings.Contains(design, "`"+name+"`") && !strings.Contains(design, "`"+path.Base(name)+"`") {
			t.Errorf("docs/design.md does not name %s", name)
		}
	}
}

// TestClients: the documents say which version of each file in clients is which.
func TestClients(t *testing.T) {
	files, err := filepath.Glob("clients/*")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	guide := text(t, "docs/integrate.md")
	version := regexp.MustCompile(`\| version (\S+) \|`).FindStringSubmatch(guide)
	if version == nil {
		t.Fatal("no version")
	}
	for _, file := range files {
		code := text(t, file)
		if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(code))); !strings.Contains(guide, sum) {
			t.Errorf("docs/integrate.md lacks the SHA-256 of %s, %s", file, sum)
		}
		if name := path.Base(file) + " " + version[1] + ":"; !strings.Contains(code, name) {
			t.Errorf("%s does not say %q", file, name)
		}
		if lines := strings.Count(code, "\n"); lines >= 300 {
			t.Errorf("%s has %d lines", file, lines)
		}
	}
}
