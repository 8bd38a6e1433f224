package sandbox

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxRedirectURI bounds a redirect URI, in bytes.
const maxRedirectURI = 2000

// redirectHost returns the host of a redirect URI, in lower case. It takes
// only what every browser reads as it does.
func redirectHost(uri string) (string, error) {
	if uri == "" {
		return "", errors.New("redirect_uri is missing")
	}
	if len(uri) > maxRedirectURI || strings.ContainsFunc(uri, notInURI) {
		return "", errors.New("redirect_uri is too long, or has characters that no URI has")
	}
	if strings.Contains(uri, "#") {
		return "", errors.New("redirect_uri must not have a fragment")
	}
	u, err := url.Parse(uri)
	if err != nil || u.Opaque != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", errors.New("redirect_uri must be an absolute http or https URL")
	}
	host := strings.ToLower(u.Hostname())
	if u.User != nil || !goodHost(host, u.Host) || !goodPort(u) {
		return "", errors.New("redirect_uri must name a host, perhaps a port, and no user")
	}
	return host, nil
}

func notInURI(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\^`{|}", r)
}

// goodHost takes names, and addresses written in the one usual way: a browser
// would read 2130706433, 127.1 and 0x7f.1 as 127.0.0.1.
func goodHost(host, authority string) bool {
	if strings.HasPrefix(authority, "[") {
		addr, err := netip.ParseAddr(host)
		return err == nil && addr.Is6() && !addr.Is4In6() && addr.Zone() == ""
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || strings.ContainsFunc(label, notInName) {
			return false
		}
	}
	if last := labels[len(labels)-1]; last[0] < '0' || last[0] > '9' {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Is4()
}

func notInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

func goodPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	port, err := strconv.Atoi(u.Port())
	return err == nil && port >= 1 && port <= 65535
}

// underDomain reports whether host is domain or a subdomain of it.
func underDomain(host, domain string) bool {
	domain = strings.ToLower(domain)
	return host == domain || strings.HasSuffix(host, "."+domain)
}
