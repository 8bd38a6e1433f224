package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/sandbox"
)

// TestCVE202328131 is the fault of Expo's proxy: it kept the response of the
// provider before the user had confirmed to whom it goes, so a link was enough
// to steal an account. Here nothing that a link does stores or approves.
func TestCVE202328131(t *testing.T) {
	const key = "kM3-9c2a7be1d04865"
	browser := visitors(t, "http://localhost")
	victim, attacker := browser(), browser()
	claim := func() int { return attacker.send("GET", "/auth/token?key="+key, "").StatusCode }
	for _, response := range []string{"code=C", "access_token=T", "error=access_denied"} {
		for _, path := range []string{"/auth/redirect", "/auth/redirect/0", "/oauth/callback"} {
			victim.send("GET", path+"?state="+key+"&"+response, "")
			if status := claim(); status != http.StatusNotFound {
				t.Errorf("after GET %s with %s, a claim is answered with %d", path, response, status)
			}
		}
	}
	victim.send("POST", "/auth/redirect", "decision=finish&code=C&state="+key)
	if status := claim(); status != http.StatusOK {
		t.Errorf("after the user has confirmed, a claim is answered with %d", status)
	}

	userCode := attacker.device()
	victim.send("GET", "/device?user_code="+userCode, "")
	victim.send("POST", "/device", "user_code="+userCode)
	if response := victim.send("GET", "/device?user_code="+userCode, ""); response.StatusCode != http.StatusOK {
		t.Errorf("a device that nobody has decided on: %s", response.Status)
	}
}

// formAction returns the sources to which a page's forms may lead. Without
// any, they may lead everywhere.
func formAction(header http.Header) (sources []string, ok bool) {
	for directive := range strings.SplitSeq(header.Get("Content-Security-Policy"), ";") {
		if names := strings.Fields(directive); len(names) > 0 && names[0] == "form-action" {
			return names[1:], true
		}
	}
	return nil, false
}

// TestFormActionOnRedirects: Chromium and WebKit apply form-action to each
// redirect after a form post, so a page must allow wherever its form may end.
func TestFormActionOnRedirects(t *testing.T) {
	v := visitors(t, "https://auth.example.org")()
	userCode := v.device()
	page := v.send("GET", "/device?user_code="+userCode, "")
	sources, _ := formAction(page.Header)
	// Stack Exchange sends users to log in elsewhere, over https, and those who
	// have approved before right back here.
	for _, want := range []string{"'self'", "https:", "https://stackoverflow.com"} {
		if !slices.Contains(sources, want) {
			t.Errorf("the device page lets forms lead to %q, not to %s", sources, want)
		}
	}
	location := v.location("POST", "/device", "decision=continue&user_code="+userCode)
	if u, err := url.Parse(location); err != nil || !slices.Contains(sources, u.Scheme+"://"+u.Host) {
		t.Errorf("the form leads to %s, which %q do not allow", location, sources)
	}

	// The form of the consent page ends at the app's loopback address. That
	// page is Stack Exchange's; the sandbox plays it.
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "http://localhost/sandbox/oauth?client_id=7&redirect_uri=http://localhost/oauth/callback", nil)
	r.RemoteAddr = "127.0.0.1:1"
	sandbox.New(sandbox.Config{}).ServeHTTP(w, r)
	if sources, ok := formAction(w.Header()); w.Code != http.StatusOK || ok {
		t.Errorf("the consent page: %d, lets forms lead to %q only", w.Code, sources)
	}
}
