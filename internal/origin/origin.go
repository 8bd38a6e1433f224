// Package origin holds the one canonical form in which the program compares
// hosts and origins, and the one rule for what is loopback.
//
// In canonical form a host is in lower case and has neither the default port
// of its scheme nor the dot that may end a name; an IP address is written as
// in RFC 5952. So auth.example.org:443, AUTH.example.org and auth.example.org.
// are the same https host.
package origin

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// The errors of [Host] and [Parse]. None repeats the input.
var (
	ErrURL      = errors.New("it must be an http or https URL without user, query or fragment")
	ErrHost     = errors.New("its host is not a host name or an IP address")
	ErrPort     = errors.New("its port is not a number from 1 to 65535")
	ErrNotASCII = errors.New("its host is not ASCII; write the form that begins with xn--")
)

const (
	maxName  = 253 // bytes (RFC 1035 section 2.3.4)
	maxLabel = 63
)

// Parse parses an http or https URL and makes its host canonical. It keeps the
// path, but no slashes at its end.
func Parse(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Opaque != "" || u.User != nil ||
		strings.ContainsAny(text, "?#") {
		return nil, ErrURL
	}
	host, err := Host(u.Scheme, u.Host)
	if err != nil {
		return nil, err
	}
	return &url.URL{Scheme: u.Scheme, Host: host, Path: strings.TrimRight(u.Path, "/")}, nil
}

// Of returns the canonical origin, scheme://host, that text names as an Origin
// header does (RFC 6454 section 7): without a path. ok is false if it names
// none, as "null" does.
func Of(text string) (origin string, ok bool) {
	scheme, host, found := strings.Cut(text, "://")
	scheme = strings.ToLower(scheme)
	if !found || (scheme != "http" && scheme != "https") {
		return "", false
	}
	host, err := Host(scheme, host)
	return scheme + "://" + host, err == nil
}

// Host makes a host with or without a port canonical, as it stands in a URL of
// the given scheme or in a Host header.
func Host(scheme, host string) (string, error) {
	name, port, err := split(host)
	if err != nil {
		return "", err
	}
	if name, err = canonicalName(name); err != nil {
		return "", err
	}
	if port == defaultPort(scheme) {
		port = ""
	}
	return Join(name, port), nil
}

// split separates a host from its port, which is "" where there is none.
func split(host string) (name, port string, err error) {
	name = host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i+1:]
		n, err := strconv.ParseUint(port, 10, 16)
		switch {
		case port == "": // RFC 3986 section 3.2.3 allows "example.org:"
		case err != nil || n == 0:
			return "", "", ErrPort
		default:
			port = strconv.FormatUint(n, 10)
		}
	}
	if strings.Contains(name, ":") != strings.HasPrefix(name, "[") {
		return "", "", ErrHost
	}
	return name, port, nil
}

// canonicalName returns a name, or an IP address without brackets.
func canonicalName(name string) (string, error) {
	if inner, ok := strings.CutPrefix(name, "["); ok {
		address, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || !strings.HasSuffix(inner, "]") || !address.Is6() || address.Zone() != "" {
			return "", ErrHost
		}
		return address.String(), nil
	}
	for i := range len(name) {
		if name[i] >= 0x80 {
			return "", ErrNotASCII
		}
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if len(name) == 0 || len(name) > maxName {
		return "", ErrHost
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > maxLabel || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", ErrHost
		}
	}
	// Browsers take a name that ends in a number for an IPv4 address.
	if last := name[strings.LastIndexByte(name, '.')+1:]; numeric(last) && !IsAddress(name) {
		return "", ErrHost
	}
	return name, nil
}

func numeric(label string) bool {
	hex, isHex := strings.CutPrefix(label, "0x")
	return strings.Trim(label, "0123456789") == "" || isHex && strings.Trim(hex, "0123456789abcdef") == ""
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// Join is the canonical host of a canonical name or IP address and a port,
// which is "" for the default one.
func Join(name, port string) string {
	switch {
	case port != "":
		return net.JoinHostPort(name, port)
	case strings.Contains(name, ":"):
		return "[" + name + "]"
	}
	return name
}

// IsAddress reports whether a name without a port is an IP address.
func IsAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil
}

// IsLoopback reports whether a host name or IP address, without a port, stays
// on this machine: localhost and the names below it (RFC 6761 section 6.3), and
// the addresses 127.0.0.0/8 and ::1. Package fetch dials such names
// at [LoopbackAddresses] only. An IPv4 address in an IPv6 one is not loopback:
// browsers do not treat it as such.
func IsLoopback(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(name)
	return err == nil && address.Zone() == "" && !address.Is4In6() && address.IsLoopback()
}

// LoopbackAddresses returns the addresses that a loopback name has, whatever
// name servers say. It returns nil for other names, and for IP addresses.
func LoopbackAddresses(name string) []string {
	if !IsLoopback(name) || IsAddress(name) {
		return nil
	}
	return []string{"127.0.0.1", "::1"}
}
