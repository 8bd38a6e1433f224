package sandbox

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// failure is why Stack Exchange keeps the browser. Its page says Shown, which is ""
// where that is not known; the sandbox adds Reason.
type failure struct{ Shown, Reason string }

func (f failure) Error() string { return f.Reason }

// What Stack Exchange's page gives as the reason. That it is the same page when the
// redirect URI is not the reason is a guess.
const (
	shownRedirect = "Cannot return to provided redirect_uri" // https://stackapps.com/q/6530
	shownNoDomain = "redirect_uri is not configured"         // seen at Stack Internal
	shownUnknown  = ""
)

// check returns the host of the redirect URI. An error is a [failure], and the
// browser must not leave: the redirect URI may be an attacker's (RFC 6749
// section 4.1.2.1).
func (a authorization) check(app App) (host string, err error) {
	id, err := strconv.ParseUint(a.params["client_id"], 10, 32)
	switch {
	case err != nil || id == 0:
		return "", failure{shownUnknown, "client_id must be the number of an app."}
	case app.Deleted:
		return "", failure{shownUnknown, "There is no app with this client_id: it has been deleted, or never was."}
	}
	if host, err = redirectHost(a.params["redirect_uri"]); err != nil {
		return "", failure{shownRedirect, err.Error()}
	}
	if err = a.checkRedirect(host, app); err != nil {
		return "", err
	}
	if len(a.params["scope"]) > maxScope {
		return "", failure{shownUnknown, "scope is too long."}
	}
	return host, a.checkFlow(app)
}

// maxRedirectURI bounds a redirect URI, in bytes.
const maxRedirectURI = 2000

// redirectHost returns the canonical host of a redirect URI, without its port.
// It accepts only what every browser reads the same way.
func redirectHost(uri string) (string, error) {
	if uri == "" {
		return "", errors.New("redirect_uri is missing")
	}
	if len(uri) > maxRedirectURI || strings.ContainsFunc(uri, notInURI) {
		return "", errors.New("redirect_uri is too long, or has a fragment or characters that no URI has")
	}
	address, _, _ := strings.Cut(uri, "?")
	u, err := origin.Parse(address)
	if err != nil {
		return "", fmt.Errorf("redirect_uri is not good: %w", err)
	}
	return u.Hostname(), nil
}

func notInURI(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("#\"<>\\^`{|}", r)
}

const loginSuccessPath = "/sandbox/oauth/login_success"

func (a authorization) checkRedirect(host string, app App) error {
	if host == a.own && a.toLoginSuccess() {
		if app.NonWeb || app.Domain == "stackexchange.com" {
			return nil
		}
		return failure{shownRedirect, "“Enable Non-Web Client OAuth Redirect URI” is off, so the app cannot redirect to " +
			"…/oauth/login_success."}
	}
	switch {
	case app.Domain == "":
		return failure{shownNoDomain, "The app has no OAuth domain. It needs one, which is a host alone: " + host}
	case app.Domain != anyHost && !underDomain(host, app.Domain):
		return failure{shownRedirect, "redirect_uri is not under the app’s OAuth domain, which is " + app.Domain}
	}
	return nil
}

func (a authorization) toLoginSuccess() bool {
	address, _, _ := strings.Cut(a.params["redirect_uri"], "?")
	u, err := origin.Parse(address)
	return err == nil && u.Path == loginSuccessPath
}

// underDomain reports whether host is domain or a subdomain of it.
func underDomain(host, domain string) bool {
	domain = strings.ToLower(domain)
	return host == domain || strings.HasSuffix(host, "."+domain)
}

func (a authorization) checkFlow(app App) error {
	challenge, method := a.params["code_challenge"], a.params["code_challenge_method"]
	switch {
	case !app.Confidential && !app.PKCE && !app.Implicit:
		return failure{shownUnknown, "No flow is enabled for the app: tick “Authorization Code with PKCE”."}
	case !a.grantType.code && !app.Implicit:
		return failure{shownUnknown, "The flow “Implicit”, which …/oauth/dialog is for, is not enabled for the app."}
	case a.grantType.code && !app.PKCE && !app.Confidential:
		return failure{shownUnknown, "The flow “Authorization Code with PKCE” is not enabled for the app."}
	case !a.grantType.code, challenge == "" && method == "" && app.Confidential:
		return nil
	case challenge == "" && method == "":
		return failure{shownUnknown, "code_challenge is missing: the app is a public client, which needs PKCE."}
	case method != "S256":
		return failure{shownUnknown, "code_challenge_method must be S256."}
	case !secret.IsS256(challenge):
		return failure{shownUnknown, "code_challenge must be the 43 characters of a base64url SHA-256."}
	}
	return nil
}
