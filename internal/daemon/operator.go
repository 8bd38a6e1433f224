package daemon

import (
	"errors"
	"net/url"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/apps"
)

func (p *plan) checkOperator() error {
	var name, homepage, contact error
	if err := apps.CheckName(p.OperatorName); err != nil && p.OperatorName != "" {
		name = mistake("--operator-name=%q: %v", p.OperatorName, err)
	}
	if p.OperatorURL != "" && !isHTTPS(p.OperatorURL) {
		homepage = mistake("--operator-url must be a URL such as https://example.org/about")
	}
	if p.OperatorContact != "" && !isHTTPS(p.OperatorContact) && !isMailto(p.OperatorContact) {
		contact = mistake("--operator-contact must be mailto: and an address, or an https URL")
	}
	return errors.Join(name, homepage, contact)
}

// isHTTPS reports whether a text is an https URL that can stand in a line of text.
func isHTTPS(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && isURI(text)
}

// isMailto reports whether a text is a mailto: URL (RFC 6068) of one address.
func isMailto(text string) bool {
	address, ok := strings.CutPrefix(text, "mailto:")
	user, host, _ := strings.Cut(address, "@")
	return ok && user != "" && host != "" && !strings.ContainsAny(address, "?,/") && isURI(text)
}

// isURI reports whether a text has only characters that a URI may have.
func isURI(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r)
	})
}
