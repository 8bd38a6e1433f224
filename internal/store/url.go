// Package store holds what the stores share: parsing the URL of an engine
// ([ParseURL]), the caps on what a store holds ([Limits], [Index], [Gauge]), waking
// the watchers of an entry ([Watchers], [Subscription]), whether writing works
// ([Monitor]), and the findings of a check ([Finding], [Exercise]).
package store

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The errors of a URL. They quote no part of it, because where a URL can be read
// in two ways, any part may belong to the password.
var (
	// ErrUnclear means that a URL can be read in more than one way.
	ErrUnclear = errors.New("the URL can be read in more than one way: in its user name, password and parameters " +
		"write special characters as %XX (%40 for @, %2F for /, %3A for :, %23 for #, %3F for ?, %25 for %)")
	// ErrNoHost means that the name of a server is not valid.
	ErrNoHost = errors.New("a server in the URL must be a host, or a host and a port from 1 to 65535; " +
		"if it is part of a password, write the special characters there as %XX")
)

// URLError is returned for a store's URL that cannot be used. It quotes nothing
// that may be part of a password.
type URLError struct{ Reason error }

// URLErrorf returns a [URLError].
func URLErrorf(format string, arguments ...any) error {
	return URLError{fmt.Errorf(format, arguments...)}
}

// Error implements error.
func (e URLError) Error() string { return e.Reason.Error() }

// Unwrap returns the reason.
func (e URLError) Unwrap() error { return e.Reason }

// Trouble is an error of an engine in our words. It wraps no error of a driver.
type Trouble string

// Error implements error.
func (t Trouble) Error() string { return string(t) }

// Name returns a store's name in messages: its URL without user, password and
// parameters.
func Name(text string) string {
	if u, err := ParseURL(text); err == nil {
		return u.String()
	}
	return text // a path
}

// Preview describes an engine in a dry run, which does not connect to it.
func Preview(text string) string {
	return Name(text) + "; it was not asked: dss store check does that"
}

// URL is the address of a store's engine, taken apart.
type URL struct {
	Scheme         string
	User, Password string
	Hosts          []Host // separated by commas
	Path           string // what follows the first slash
	Parameters     url.Values
}

// Host is a server in a [URL].
type Host struct {
	Name string // a host name, or an IP address without brackets
	Port uint16 // 0 if the URL gives none
}

// Address returns the host with its port, or with otherwise if it has none.
func (h Host) Address(otherwise uint16) string {
	return net.JoinHostPort(h.Name, strconv.Itoa(int(cmp.Or(h.Port, otherwise))))
}

// ParseURL parses a URL of the form
//
//	scheme://user:password@host:port,host:port/path?name=value
//
// of which all but the scheme is optional. It is stricter than RFC 3986, so that
// a password with a forgotten %XX is refused, and no part of it is taken for a
// host: an @ is allowed only in front of the hosts, and a second slash, a
// fragment, a percent sign that does not begin a %XX and a host with characters
// that host names do not have are refused. Its errors are [ErrUnclear] and
// [ErrNoHost].
func ParseURL(text string) (*URL, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || strings.ContainsFunc(text, unprintable) {
		return nil, ErrUnclear
	}
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	user, hosts, ok := strings.Cut(authority, "@")
	if !ok {
		user, hosts = "", authority
	}
	if strings.ContainsAny(hosts+path+query, `@#\`) || strings.Contains(path, "/") ||
		strings.ContainsAny(user, "#[]\\\"<>^{}|`") {
		return nil, ErrUnclear
	}
	u := &URL{Scheme: scheme}
	var err error
	for hosts != "" {
		var first string
		first, hosts, ok = strings.Cut(hosts, ",")
		host, err := ParseHost(first)
		if err != nil || ok && hosts == "" {
			return nil, ErrNoHost
		}
		u.Hosts = append(u.Hosts, host)
	}
	name, password, _ := strings.Cut(user, ":")
	for to, from := range map[*string]string{&u.User: name, &u.Password: password, &u.Path: path} {
		if *to, err = url.PathUnescape(from); err != nil || strings.Contains(*to, "\x00") {
			return nil, ErrUnclear
		}
	}
	if u.Parameters, err = url.ParseQuery(query); err != nil || strings.Contains(query, "%00") {
		return nil, ErrUnclear
	}
	return u, nil
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

// ParseHost reads a host name, an IPv4 address or an IPv6 address in brackets,
// with or without a port. Its only error is [ErrNoHost].
func ParseHost(text string) (Host, error) {
	name, port, hasPort := text, "", false
	if inside, ok := strings.CutPrefix(text, "["); ok {
		if name, port, ok = strings.Cut(inside, "]"); !ok || !strings.Contains(name, ":") || !HostName(name) {
			return Host{}, ErrNoHost
		}
		if port, hasPort = strings.CutPrefix(port, ":"); !hasPort && port != "" {
			return Host{}, ErrNoHost
		}
	} else if name, port, hasPort = strings.Cut(text, ":"); !HostName(name) {
		return Host{}, ErrNoHost
	}
	if !hasPort {
		return Host{Name: name}, nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return Host{}, ErrNoHost
	}
	return Host{name, uint16(n)}, nil
}

// HostName reports whether name is one that can be looked up, or an IP
// address: letters, digits, dashes, underscores and dots, or an IPv6 address
// without brackets and zone.
func HostName(name string) bool {
	if strings.Contains(name, ":") {
		address, err := netip.ParseAddr(name)
		return err == nil && address.Zone() == ""
	}
	return name != "" && len(name) <= 253 && !strings.ContainsFunc(name, notInHost)
}

func notInHost(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r)
}

// String returns the URL without user, password and parameters.
func (u *URL) String() string {
	hosts := make([]string, len(u.Hosts))
	for i, host := range u.Hosts {
		hosts[i] = strings.TrimSuffix(host.Address(0), ":0")
	}
	text := u.Scheme + "://" + strings.Join(hosts, ",")
	if u.Path != "" {
		text += "/" + url.PathEscape(u.Path)
	}
	return text
}

// CheckParameters refuses parameters that are in neither list, and a second one
// of a name in the first.
func (u *URL) CheckParameters(single, repeatable []string) error {
	for name, values := range u.Parameters {
		repeats := slices.Contains(repeatable, name)
		switch {
		case !repeats && !slices.Contains(single, name):
			return errors.New("the URL has a parameter that is not known; there are " +
				strings.Join(slices.Concat(repeatable, single), ", "))
		case !repeats && len(values) > 1:
			return fmt.Errorf("the parameter %s is there more than once", name)
		}
	}
	return nil
}
