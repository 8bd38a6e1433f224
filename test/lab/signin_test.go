//go:build integration

package lab_test

import (
	"net/url"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

// app is one that signs a user in, in a network. Each has a client ID of its own, which
// nobody has approved yet.
type app struct {
	lab               *lab
	network, clientID string
}

// signIn is one that an app has begun.
type signIn struct {
	link string        // for the browser
	gain func() string // what the app has in the end
}

// What an app has in the end.
const (
	nothing = "nothing"
	token   = "a token"
)

func gained(answer map[string]any) string {
	if answer["access_token"] != nil {
		return token
	}
	return nothing
}

// device begins a device grant. The code is for typing.
func (a app) device() (s signIn, userCode string) {
	a.lab.t.Helper()
	answer := a.lab.ask(a.network, "/oauth/device_authorization", url.Values{"client_id": {a.clientID}, "scope": {"read_inbox"}})
	text := func(name string) string { text, _ := answer[name].(string); return text }
	return signIn{text("verification_uri_complete"), func() string {
		return gained(a.lab.ask(a.network, "/oauth/token", url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {a.clientID},
			"device_code": {text("device_code")},
		}))
	}}, text("user_code")
}

// implicit begins a sign-in through the key relay by the implicit grant.
func (a app) implicit() signIn {
	key, claim := a.key()
	return signIn{a.stackExchange("/sandbox/oauth/dialog", url.Values{"state": {key}}), func() string { return gained(claim()) }}
}

// relay begins a sign-in through the key relay by the code grant.
func (a app) relay() signIn {
	key, claim := a.key()
	verifier := secret.Random()
	link := a.stackExchange("/sandbox/oauth", url.Values{
		"state": {key}, "code_challenge": {secret.S256(verifier)}, "code_challenge_method": {"S256"},
	})
	return signIn{link, func() string {
		code, _ := claim()["code"].(string)
		if code == "" {
			return nothing
		}
		return gained(a.lab.ask(a.network, "/sandbox/oauth/access_token/json", url.Values{
			"client_id": {a.clientID}, "code": {code}, "code_verifier": {verifier.Reveal()},
			"redirect_uri": {a.lab.url + "/auth/redirect"},
		}))
	}}
}

// key is a bound one for the relay, with what claims it.
func (a app) key() (key string, claim func() map[string]any) {
	verifier := secret.Random()
	key = "s256." + secret.S256(verifier)
	return key, func() map[string]any {
		return a.lab.ask(a.network, "/auth/token", url.Values{"key": {key}, "verifier": {verifier.Reveal()}})
	}
}

func (a app) stackExchange(path string, query url.Values) string {
	query.Set("client_id", a.clientID)
	query.Set("scope", "read_inbox")
	query.Set("redirect_uri", a.lab.url+"/auth/redirect")
	return a.lab.url + path + "?" + query.Encode()
}

// code begins a code grant that ends at the redirect URI of an app in the user's
// network. Redemption is "direct" or empty.
func (a app) code(redirectURI, redemption string) signIn {
	verifier := secret.Random()
	query := url.Values{
		"response_type": {"code"}, "client_id": {a.clientID}, "scope": {"read_inbox"}, "redirect_uri": {redirectURI},
		"state": {"of-" + a.network}, "code_challenge": {secret.S256(verifier)}, "code_challenge_method": {"S256"},
	}
	if redemption != "" {
		query.Set("dss_redeem", redemption)
	}
	return signIn{a.lab.url + "/oauth/authorize?" + query.Encode(), func() string {
		select {
		case network := <-a.lab.codes:
			if network == a.network {
				return "a code"
			}
			return nothing + ": the code goes to the machine of the " + network
		default:
			return nothing
		}
	}}
}

// isStackExchange reports whether an address is one of the sandbox's pages.
func isStackExchange(address string) bool { return strings.Contains(address, "/sandbox/oauth") }
