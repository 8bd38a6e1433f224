package httpapi_test

import (
	"crypto/rand"
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestTokensAreReadAsTheScriptReadsThem: test/browser reads the same file with
// the page's script.
func TestTokensAreReadAsTheScriptReadsThem(t *testing.T) {
	d := newDSS(t, inMemory())
	text, err := os.ReadFile("../../test/browser/corpus/tokens.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		verdict, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		for _, name := range []string{"access_token", "code"} {
			form := "state=" + rand.Text() + "&" + name + "=" + value
			shown, stored := http.StatusOK, http.StatusNoContent
			if verdict != "good" {
				shown, stored = http.StatusBadRequest, http.StatusBadRequest
			}
			// A query cannot hold a space, so there it has to be encoded.
			query := strings.ReplaceAll(form, " ", "%20")
			if w := d.serve("GET", "/auth/redirect?"+query, ""); w.Code != shown {
				t.Errorf("%s, as %s in the query: %d", line, name, w.Code)
			}
			w := d.serve("POST", "/auth/redirect", form, "Sec-Fetch-Site", "same-origin")
			if w.Code != stored {
				t.Errorf("%s, as %s in a form: %d %s", line, name, w.Code, w.Body)
			}
		}
	}
}
