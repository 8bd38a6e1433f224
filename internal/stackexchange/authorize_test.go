package stackexchange_test

import (
	"testing"

	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

func TestAuthorizeURL(t *testing.T) {
	a := stackexchange.Authorization{ClientID: "7", RedirectURI: redirectURI, State: "a b&c", CodeChallenge: challenge}
	scoped := a
	scoped.Scope = "read_inbox,no_expiry"
	const before = "/oauth?client_id=7&code_challenge=" + challenge + "&code_challenge_method=S256" +
		"&redirect_uri=https%3A%2F%2Flogin.example.com%2Fauth%2Fredirect"
	for name, tt := range map[string]struct {
		base string
		a    stackexchange.Authorization
		want string
	}{
		"no scope":        {"https://stackoverflow.com", a, "https://stackoverflow.com" + before + "&state=a+b%26c"},
		"a scope":         {"https://stackoverflow.com", scoped, "https://stackoverflow.com" + before + "&scope=read_inbox%2Cno_expiry&state=a+b%26c"},
		"a path":          {"https://se.example.com/qa/", a, "https://se.example.com/qa" + before + "&state=a+b%26c"},
		"a query is lost": {"https://se.example.com?x=y#z", a, "https://se.example.com" + before + "&state=a+b%26c"},
	} {
		t.Run(name, func(t *testing.T) {
			c := stackexchange.New(stackexchange.Config{BaseURL: mustParse(t, tt.base), APIURL: mustParse(t, tt.base)})
			if got := c.AuthorizeURL(tt.a); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
