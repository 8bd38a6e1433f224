package sandbox

import (
	"errors"
	"fmt"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

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

// underDomain reports whether host is domain or a subdomain of it.
func underDomain(host, domain string) bool {
	domain = strings.ToLower(domain)
	return host == domain || strings.HasSuffix(host, "."+domain)
}
