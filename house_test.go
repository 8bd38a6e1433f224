package dss_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// homes says which rules have one home, by what gives a second one away.
// docs/design.md lists the rules.
var homes = []struct {
	rule   string
	second string   // what no other file has
	home   []string // files and folders
}{
	{"comparison in constant time", `crypto/subtle`, []string{"internal/secret/"}},
	{"redaction", `"\[redacted\]"`, []string{"internal/secret/"}},
	{"what loopback is", `\.IsLoopback\(\)|"localhost" ?[!=]=|[!=]= ?"localhost"`, []string{"internal/origin/"}},
	{"dialling loopback without DNS", `JoinHostPort\("(127\.|::1)`, []string{"internal/origin/"}},
	{"how long a sign-in may take", `\bDefaultTTL\s*=`, []string{"api/"}},
	{"how long a claim can be repeated", `\bRetryWindow\s*=`, []string{"api/"}},
	{"compare and swap, and start over", `range maxAttempts`, []string{"internal/sealed/"}},
	{"sealing", `\.(Seal|NewGCM)\(`, []string{"internal/sealed/"}},
	{"error names", `"(key_conflict|no_token|throttle_violation|internal_error)"`, []string{"api/"}},
	{"no surgery on error texts", `strings\.\w+\(\w*[eE]rr\.Error\(\)`, nil},
}

// TestOneHome finds the second home of a rule.
func TestOneHome(t *testing.T) {
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case file == "test" || entry.Name() == "node_modules":
			return fs.SkipDir
		case !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, rule := range homes {
			at := slices.ContainsFunc(rule.home, func(home string) bool { return strings.HasPrefix(file, home) })
			if found := regexp.MustCompile(rule.second).Find(text); found != nil && !at {
				t.Errorf("%s: %s has its home in %s, and here is %q", file, rule.rule, rule.home, found)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
