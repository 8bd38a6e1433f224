package daemon

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/access"
	"github.com/desktop-stack-serv/dss/internal/apps"
	"github.com/desktop-stack-serv/dss/internal/certs"
	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/sandbox"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// Check writes what a start would do to w, a line for each part, and returns
// every problem that a start would refuse. It listens on nothing, creates and
// changes nothing, and sends nothing. Warnings are about the environment.
func Check(settings Settings, warnings []string, w io.Writer) error {
	plan, mistakes := settings.plan()
	var lines bytes.Buffer
	e := &examination{plan: plan, log: slog.New(warningLines{slog.DiscardHandler, &lines}), dryRun: true}
	problems := e.check(warnings, func(subject, text string) { fmt.Fprintf(&lines, "%-15s %s\n", subject, text) })
	if mistakes != nil {
		return errors.Join(mistakes, problems)
	}
	if _, err := lines.WriteTo(w); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return problems
}

// warningLines prints warnings like the other lines of [Check].
type warningLines struct {
	slog.Handler // for the methods that are not called
	w            io.Writer
}

func (warningLines) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (h warningLines) Handle(_ context.Context, record slog.Record) error {
	text := record.Message
	record.Attrs(func(a slog.Attr) bool {
		text += fmt.Sprintf("; %s: %s", a.Key, a.Value)
		return true
	})
	_, err := fmt.Fprintf(h.w, "%-15s %s\n", "warning", display.Clean(text))
	return err
}

// examination finds out what this machine offers for a plan. A start begins with
// it, so that [Check] reports what a start would find.
type examination struct {
	*plan
	sockets sockets
	log     *slog.Logger // gets warnings
	dryRun  bool         // nothing is going to start

	// What a start goes on with.
	files    *certs.Files // nil without --tls-cert
	apps     *apps.File   // nil without --apps
	auditKey []byte
}

// check reports on each part that is all right, and returns every problem.
func (e *examination) check(warnings []string, report func(subject, text string)) error {
	for _, text := range warnings {
		e.log.Warn(text)
	}
	var problems []error
	for _, part := range []struct {
		subject string
		examine func() (string, error)
	}{
		{"address", e.mainAddress},
		{"admin address", e.adminAddress},
		{"plain HTTP", e.plainAddress},
		{"public URL", e.publicURL},
		{"certificates", e.certificates},
		{"store", e.store},
		{"audit", e.audit},
		{"limits", e.limiting},
		{"apps", e.listApps},
		{"Stack Exchange", e.stackExchange},
	} {
		text, err := part.examine()
		if err == nil {
			report(part.subject, text)
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

func (e *examination) address(flagName, address string, names ...string) (string, error) {
	if e.sockets.has(names...) {
		return "a socket that is passed by the service manager", nil
	}
	return checkAddress(flagName, address, e.dryRun)
}

func (e *examination) mainAddress() (string, error) {
	return e.address("listen", e.listen, e.mainSockets()...)
}

func (e *examination) adminAddress() (string, error) {
	if e.AdminListen == "" {
		return "none", nil
	}
	if isUnspecified(e.AdminListen) {
		e.log.Warn("the admin server asks for no password and listens on every address: " +
			"keep others from reaching it, or name one address in --admin-listen, such as 127.0.0.1:8081")
	}
	if !e.sockets.has(append(e.mainSockets(), socketAdmin)...) && collide(e.AdminListen, e.listen) {
		return "", mistake("--admin-listen must differ from --listen, because it is not for the public")
	}
	return e.address("admin-listen", e.AdminListen, socketAdmin)
}

func (e *examination) plainAddress() (string, error) {
	if e.plain == "" {
		return "none", nil
	}
	if !e.sockets.has(socketMain, socketPlain) && collide(e.plain, e.listen) ||
		!e.sockets.has(socketAdmin, socketPlain) && collide(e.plain, e.AdminListen) {
		return "", mistake("the second address of --listen must differ from the first one and from --admin-listen")
	}
	text, err := e.address("listen", e.plain, socketPlain)
	return text + ", which leads to HTTPS", err
}

func (e *examination) publicURL() (string, error) {
	if e.PublicURL == "" {
		if err := e.sockets.checkPrivate(e.mainSockets()); err != nil {
			return "", err
		}
	}
	if e.public != nil && e.public.Scheme == "http" && !origin.IsLoopback(e.public.Hostname()) {
		e.log.Warn("--trusted-proxies with a plain http --public-url: browsers send access tokens in plain text " +
			"to the proxy, and sign-ins of OAuth are not offered; if the proxy speaks HTTPS, as it should, " +
			"write https:// in --public-url")
	}
	switch {
	case e.public == nil:
		return "http://" + localName(e.listen) + " and the port; other machines cannot use this server", nil
	case len(e.hosted) > 0:
		return fmt.Sprintf("%s, and below it the hosts of apps: %s", e.public, e.AppHosts), nil
	}
	return e.public.String() + ", and no other host", nil
}

func (e *examination) certificates() (string, error) {
	switch {
	case e.acme():
		return e.acmeCertificates()
	case e.https():
		files, err := certs.OpenFiles(e.TLSCert, e.TLSKey, e.serverName(), e.log)
		if err != nil {
			return "", mistake("--tls-cert, --tls-key: %v", err)
		}
		e.files = files
		return "from " + e.TLSCert + ", read again when it changes", nil
	case e.public != nil && e.public.Scheme == "https":
		return "none: a proxy in front has to speak HTTPS and pass the Host header on", nil
	}
	return "none: plain HTTP", nil
}

func (e *examination) acmeCertificates() (string, error) {
	kept := "the store, for all servers"
	if !e.kind.shared {
		kept = e.certFolder()
		if err := access.Folder(kept); err != nil {
			return "", mistake("certificates: %v", err)
		}
	}
	hosts := strings.Join(e.certHosts(), ", ")
	return fmt.Sprintf("for %s from %s, kept in %s; it was not asked", hosts, e.directory(), kept), nil
}

// audit also reads or makes the key of the hashes.
func (e *examination) audit() (text string, err error) {
	if e.SecretFile != "" {
		e.auditKey, err = e.readSecret()
		return "lines with hashes under the secret in " + e.SecretFile, err
	}
	e.auditKey = make([]byte, certs.MinSecret)
	rand.Read(e.auditKey)
	if !origin.IsLoopback(e.serverName()) {
		e.log.Warn("the hashes in audit lines change with each restart and differ between servers: " +
			"make a secret for them with openssl rand -hex 32, and name its file in --secret-file")
	}
	return "lines with hashes under a secret that is made at each start", nil
}

func (e *examination) limiting() (string, error) {
	e.warnOfProxy()
	clients := "clients are limited"
	switch {
	case e.factor == 0:
		clients = "clients are not limited"
	case e.factor != 1:
		clients += fmt.Sprintf(" to %g times the usual", e.factor)
	}
	proxies := "no proxy is trusted"
	if e.TrustedProxies != "" {
		proxies = "these proxies are trusted: " + e.TrustedProxies
	}
	bounds := e.limits()
	return fmt.Sprintf("%d entries of %d MiB in all, each for %v; %d apps that wait; %s; %s",
		bounds.MaxEntries, (bounds.MaxBytes+1<<20-1)>>20, e.TTL, e.maxWaiters(), clients, proxies), nil
}

// warnOfProxy warns if the proxy is not named: a public server that listens on
// loopback or on a Unix socket has one.
func (e *examination) warnOfProxy() {
	host, _, _ := net.SplitHostPort(e.listen)
	switch {
	case e.factor == 0:
	case e.sockets.unix() && !e.proxies.Unix():
		e.log.Warn("all clients share the limits of one, because the peers of a Unix socket have no address and no " +
			"X-Forwarded-For is trusted there: if only your proxy can connect to it, say unix in --trusted-proxies")
	case e.proxies.Empty() && origin.IsLoopback(host) && !origin.IsLoopback(e.serverName()):
		e.log.Warn("all clients share the limits of one, because no X-Forwarded-For is trusted: " +
			"name the proxy in --trusted-proxies")
	}
}

// listApps also reads the list of apps.
func (e *examination) listApps() (string, error) {
	others := map[apps.Unknown]string{
		apps.AllowUnknown: "are allowed", apps.RefuseUnknown: "are refused",
	}[apps.Unknown(e.UnknownApps)]
	others = cmp.Or(others, "are allowed, with a warning to users")
	if e.Apps == "" {
		return "none is listed; they " + others, nil
	}
	var err error
	if e.apps, err = apps.Open(e.Apps, e.log); err != nil {
		return "", mistakes("--apps", err)
	}
	list := e.apps.List()
	return fmt.Sprintf("%d from %s, of which %d blocked, read again when it changes; others %s",
		len(list.All()), e.Apps, list.Blocked(), others), nil
}

func (e *examination) stackExchange() (string, error) {
	checked := ""
	if e.UpstreamCheck {
		checked = "; what DSS expects of it is checked once a day"
	}
	if e.fake == nil {
		e.warnOfStackExchange()
		return fmt.Sprintf("users sign in at %s, the API is at %s; neither was asked%s", e.signIn, e.api, checked), nil
	}
	kind, audience := "one", "this machine only"
	if e.fake.Internal {
		kind = "Stack Internal"
	}
	if e.fake.Remote {
		audience = "all: everyone can sign in as any user"
	}
	year := cmp.Or(e.fake.Era, sandbox.Era2026)
	return fmt.Sprintf("a fake %s as of %s, for %s%s", kind, year, audience, checked), nil
}

// warnOfStackExchange warns if one place is Stack Internal and the other is the
// public one because nobody has named it: the tokens of one would be revoked at
// the other.
func (e *examination) warnOfStackExchange() {
	for _, one := range []struct {
		named, flag, other string
		at                 *url.URL // nil if it is a mistake, which the plan reports
	}{
		{e.StackExchangeURL, "stackexchange-url", e.StackExchangeAPIURL, e.signIn},
		{e.StackExchangeAPIURL, "stackexchange-api-url", e.StackExchangeURL, e.api},
	} {
		if one.named != "" && one.other == "" && one.at != nil && !stackexchange.IsPublic(one.at) {
			e.log.Warn("--" + one.flag + " is not the public Stack Exchange, but the other of --stackexchange-url and " +
				"--stackexchange-api-url is: tokens of one are sent to the other when they are revoked; name both")
		}
	}
}
