package api_test

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/desktop-stack-serv/dss/api"
)

// TestErrorsAreDocumented compares the table with docs/api.md, which lists the
// errors of the key relay, and with docs/oauth.md.
func TestErrorsAreDocumented(t *testing.T) {
	relay := rows(t, "../docs/api.md", "\\| (\\d{3}) \\| `([a-z_]+)`")
	oauth := rows(t, "../docs/oauth.md", "\n(\\|) `([a-z_]+)` \\|")
	for name, status := range relay {
		if want := strconv.Itoa(api.Errors[name].Status); status != want {
			t.Errorf("docs/api.md has %s for %s, want %s", status, name, want)
		}
	}
	for name, e := range api.Errors {
		switch {
		case e.Message == "":
			t.Errorf("%s has no message", name)
		case e.OAuth == name && oauth[name] == "" && name != api.UnsupportedResponseType: // which redirects tell
			t.Errorf("docs/oauth.md does not list %s", name)
		case e.OAuth != "" && e.OAuth != name && oauth[e.OAuth] == "":
			t.Errorf("docs/oauth.md does not list %s, as %s is called there", e.OAuth, name)
		}
	}
}

// rows returns the first group of each match by the second.
func rows(t *testing.T, file, pattern string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, row := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		found[row[2]] = row[1]
	}
	if len(found) < 10 {
		t.Errorf("%s has %d errors", file, len(found))
	}
	return found
}
