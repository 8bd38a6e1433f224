package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/crypto/acme"

	"github.com/desktop-stack-serv/dss/internal/certs"
	"github.com/desktop-stack-serv/dss/internal/origin"
)

// checkHTTPS checks the settings of HTTPS, then the addresses: a mistake in the
// former would only be repeated for the latter.
func (p *plan) checkHTTPS() error {
	switch {
	case p.acme() && (p.TLSCert != "" || p.TLSKey != ""):
		return mistake("--acme-email obtains certificates, --tls-cert and --tls-key bring one: give the one or the other")
	case (p.TLSCert == "") != (p.TLSKey == ""):
		return mistake("--tls-cert and --tls-key go together")
	case p.ACMEDirectory != "" && !p.acme():
		return mistake("--acme-directory does nothing without --acme-email")
	case p.plain != "" && !p.https():
		return mistake("the second address of --listen redirects to HTTPS: it needs --acme-email or --tls-cert")
	}
	if u, err := origin.Parse(p.PublicURL); p.https() && p.PublicURL != "" && err == nil && u.Scheme == "http" {
		return mistake("--public-url must be https with --acme-email or --tls-cert")
	}
	if p.acme() {
		if err := p.checkACME(); err != nil {
			return err
		}
	}
	return p.checkAddresses()
}

func (p *plan) checkACME() error {
	if address, err := mail.ParseAddress(p.ACMEEmail); err != nil || address.Address != p.ACMEEmail {
		return mistake("--acme-email must be an address such as me@example.org, not %q", p.ACMEEmail)
	}
	if u, err := url.Parse(p.directory()); err != nil || u.Scheme != "https" || u.Hostname() == "" ||
		u.User != nil || u.Fragment != "" {
		return mistake("--acme-directory must be an https URL such as %s", acme.LetsEncryptURL)
	}
	u, err := origin.Parse(p.PublicURL)
	if err != nil || u.Scheme != "https" || !certs.HostName(u.Hostname()) {
		return mistake("--acme-email needs a --public-url with a name that the whole internet knows, " +
			"such as https://auth.example.org")
	}
	if slices.Contains(p.hosted, "all") {
		return mistake("--acme-email cannot order certificates for --app-hosts all: list the ids of the apps, "+
			"or give a certificate for *.%s with --tls-cert and --tls-key", u.Hostname())
	}
	for _, id := range p.hosted {
		if host := id + "." + u.Hostname(); !certs.HostName(host) {
			return mistake("--app-hosts: %s is too long for the name of a host", host)
		}
	}
	switch {
	case p.kind.shared && p.SecretFile == "":
		return mistake("--acme-email with a shared --store needs --secret-file, " +
			"which seals private keys there")
	case p.Store == "memory:":
		return mistake("--acme-email needs a --store that outlives a restart, or each would order new certificates")
	}
	return nil
}

// certHosts lists the hosts that need a certificate, the server's own first.
func (p *plan) certHosts() []string {
	hosts := []string{p.serverName()}
	for _, id := range p.hosted {
		hosts = append(hosts, id+"."+hosts[0])
	}
	return hosts
}

// certFolder is next to the database, and the authority's own: the certificates
// of one that was tried out must not pass for another's.
func (p *plan) certFolder() string {
	database := strings.TrimPrefix(p.Store, "sqlite:")
	return filepath.Join(filepath.Dir(database), "certificates", authorityName(p.directory()))
}

var notInFolder = regexp.MustCompile(`[^a-z0-9.-]`)

// authorityName makes the URL of a directory the name of a folder.
func authorityName(directory string) string {
	u, err := url.Parse(directory)
	if err != nil {
		return "authority" // the plan refuses it
	}
	return notInFolder.ReplaceAllString(strings.ToLower(u.Host+strings.TrimRight(u.EscapedPath(), "/")), "_")
}

func (p *plan) checkAddresses() error {
	for _, one := range []struct{ flag, address string }{
		{"listen", p.listen}, {"listen", p.plain}, {"admin-listen", p.AdminListen},
	} {
		if _, _, err := net.SplitHostPort(one.address); err != nil && one.address != "" {
			return mistake("--%s must be an address such as 127.0.0.1:8080, not %q", one.flag, one.address)
		}
	}
	if p.PublicURL != "" {
		return p.checkPublicURL()
	}
	if host, _, _ := net.SplitHostPort(p.listen); !origin.IsLoopback(host) {
		return mistake("--listen %s is reachable from other machines: say with --public-url under which URL", p.listen)
	}
	return nil
}

func (p *plan) checkPublicURL() error {
	u, err := origin.Parse(p.PublicURL)
	if err != nil {
		return mistake("--public-url must be a URL such as https://auth.example.org: %v", err)
	}
	if u.Path != "" {
		return mistake("--public-url must be an origin alone, without a path")
	}
	loopback := origin.IsLoopback(u.Hostname())
	if u.Scheme == "http" && !loopback && p.proxies.Empty() {
		return mistake("--public-url is plain http, so others on the network could read access tokens: " +
			"use https, or name a proxy that speaks HTTPS in --trusted-proxies")
	}
	if p.fake != nil && !p.fake.Remote && !loopback {
		return mistake("--sandbox on a public URL would let everyone sign in as any user: " +
			"leave it out, or say --sandbox=remote")
	}
	p.public = u
	return nil
}

// publicAt is the public URL of a server that listens on address.
func (p *plan) publicAt(address net.Addr) *url.URL {
	if p.public != nil {
		return p.public
	}
	scheme := "http"
	if p.https() {
		scheme = "https"
	}
	_, port, _ := net.SplitHostPort(address.String())
	host, _ := origin.Host(scheme, net.JoinHostPort(localName(address.String()), port))
	return &url.URL{Scheme: scheme, Host: host}
}

// localName is the name by which browsers on this machine reach a loopback
// address: localhost leads to 127.0.0.1 and ::1 alone.
func localName(address string) string {
	host, _, _ := net.SplitHostPort(address)
	if origin.IsAddress(host) && origin.IsLoopback(host) && host != "127.0.0.1" && host != "::1" {
		return host
	}
	return "localhost"
}

// serverName is the name that certificates are for.
func (p *plan) serverName() string {
	if p.public == nil {
		return "localhost"
	}
	return p.public.Hostname()
}

// mainSockets are the names of passed sockets for the public, the best first.
func (p *plan) mainSockets() []string {
	if p.https() { // the other one redirects to HTTPS
		return []string{socketMain}
	}
	return []string{socketMain, socketPlain}
}

// checkAddress says what listening on an address would do. It does not listen:
// a server that is about to start could find the port taken. UDP has the same
// addresses and the same privileged ports, but ports of its own, so it binds
// the address there. Only a dry run asks whether the port is taken, which takes
// the system tens of milliseconds; a start finds out.
func checkAddress(flagName, address string, dryRun bool) (string, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return address, nil // the plan refuses it
	}
	port, err := net.LookupPort("tcp", service)
	if err != nil {
		return "", mistake("--%s %s: the port must be a number up to 65535", flagName, address)
	}
	err = bindUDP(address)
	_, unknown := errors.AsType[*net.DNSError](err)
	switch {
	case unknown, errors.Is(err, syscall.EADDRNOTAVAIL) && !origin.IsLoopback(host):
		return "", mistake("--%s: listen tcp %s: this machine has no such address", flagName, address)
	case dryRun && isTaken(port):
		return address + ", which is in use now, perhaps by the server that this one replaces", nil
	case errors.Is(err, fs.ErrPermission):
		return "", mistake("--%s %s: this user may not listen on port %d: let systemd pass the socket, "+
			"or grant CAP_NET_BIND_SERVICE", flagName, address, port)
	}
	return address, nil
}

func bindUDP(address string) error {
	tcp, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return err
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: tcp.IP, Port: tcp.Port, Zone: tcp.Zone})
	if err != nil {
		return err
	}
	return conn.Close()
}

// collide reports whether one process cannot listen on two addresses: they
// have a port in common, and the same host, or one that stands for all.
func collide(one, other string) bool {
	a, errA := net.ResolveTCPAddr("tcp", one)
	b, errB := net.ResolveTCPAddr("tcp", other)
	return errA == nil && errB == nil && a.Port == b.Port && a.Port != 0 &&
		(a.IP.Equal(b.IP) || isUnspecified(one) || isUnspecified(other))
}

// isUnspecified reports whether the host of an address stands for all.
func isUnspecified(address string) bool {
	tcp, err := net.ResolveTCPAddr("tcp", address)
	return err == nil && (tcp.IP == nil || tcp.IP.IsUnspecified())
}

// isTaken reports whether a process listens on a port of this machine, as far
// as the system says so without a connection (proc(5)).
func isTaken(port int) bool {
	const listening = "0A"
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(name)
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) > 3 && fields[3] == listening && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", port)) {
				return true
			}
		}
	}
	return false
}
