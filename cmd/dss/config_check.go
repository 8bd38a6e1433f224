package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/certs"
	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/origin"
)

// outlook is one line of dss serve --check: what would happen.
type outlook struct {
	subject string
	look    func(log *slog.Logger) (string, error) // warns log; the error is a usage error
}

// outlooks lists the lines. None binds, creates or changes anything, or calls
// anybody.
func (c *config) outlooks() []outlook {
	return []outlook{
		{"address", func(*slog.Logger) (string, error) { return c.lookAtAddress("listen", c.listen, c.mainSockets()...) }},
		{"admin address", c.lookAtAdmin},
		{"plain HTTP", c.lookAtPlain},
		{"public URL", c.lookAtPublicURL},
		{"certificates", c.lookAtCertificates},
		{"store", func(*slog.Logger) (string, error) { return c.lookAtStore() }},
		{"audit", c.lookAtAudit},
		{"limits", c.lookAtLimits},
		{"Stack Exchange", func(*slog.Logger) (string, error) { return c.lookAtStackExchange() }},
	}
}

func (c *config) checkFlag(f *cli.Flags) {
	f.BoolVar(&c.checkOnly, "check", false, "say what these settings would do, without starting; status 2 if they would not work")
}

// examine looks at all that a start would meet. It tells each outlook and
// returns every problem; log gets the warnings. A start begins with it, so
// that dss serve --check knows what a start knows.
func (c *config) examine(misspelt []string, log *slog.Logger, tell func(outlook, string)) error {
	for _, warning := range misspelt {
		log.Warn(warning)
	}
	var problems []error
	for _, o := range c.outlooks() {
		text, err := o.look(log)
		if err == nil {
			tell(o, text)
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// foresee prints what would happen and what to think of, unless there is a
// mistake in the settings, and returns every problem.
func (c *config) foresee(p cli.Process, mistake error) error {
	var lines bytes.Buffer
	err := c.examine(p.Misspelt(), slog.New(warnings{&lines}), func(o outlook, text string) {
		fmt.Fprintf(&lines, "%-15s %s\n", o.subject, text)
	})
	if mistake != nil {
		return errors.Join(mistake, err)
	}
	if _, failed := lines.WriteTo(p.Stdout); failed != nil {
		return fmt.Errorf("print: %w", failed)
	}
	return err
}

// warnings prints warnings in the manner of the outlooks.
type warnings struct{ w io.Writer }

// Enabled implements [slog.Handler].
func (warnings) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle implements [slog.Handler].
func (h warnings) Handle(_ context.Context, record slog.Record) error {
	text := record.Message
	record.Attrs(func(a slog.Attr) bool {
		text += fmt.Sprintf("; %s: %s", a.Key, a.Value)
		return true
	})
	_, err := fmt.Fprintf(h.w, "%-15s %s\n", "warning", display.Clean(text))
	return err
}

// WithAttrs implements [slog.Handler].
func (h warnings) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements [slog.Handler].
func (h warnings) WithGroup(string) slog.Handler { return h }

func (c *config) lookAtAdmin(log *slog.Logger) (string, error) {
	if c.adminListen == "" {
		return "none", nil
	}
	if host, _, err := net.SplitHostPort(c.adminListen); err == nil && unspecified(host) {
		log.Warn("the admin server asks for no password and listens on every address: " +
			"let nobody but yourself reach it, or name one address in --admin-listen, such as 127.0.0.1:8081")
	}
	if !c.sockets.has(append(c.mainSockets(), socketAdmin)...) && collide(c.adminListen, c.listen) {
		return "", usagef("--admin-listen must differ from --listen, because it is not for the public")
	}
	return c.lookAtAddress("admin-listen", c.adminListen, socketAdmin)
}

func (c *config) lookAtPlain(*slog.Logger) (string, error) {
	if c.https.httpListen == "" {
		return "none", nil
	}
	if !c.sockets.has(socketMain, socketPlain) && collide(c.https.httpListen, c.listen) ||
		!c.sockets.has(socketAdmin, socketPlain) && collide(c.https.httpListen, c.adminListen) {
		return "", usagef("--http-listen must differ from --listen and --admin-listen")
	}
	text, err := c.lookAtAddress("http-listen", c.https.httpListen, socketPlain)
	return text + ", which leads to HTTPS", err
}

func (c *config) lookAtPublicURL(log *slog.Logger) (string, error) {
	if err := c.lookAtSockets(); err != nil {
		return "", err
	}
	if c.public != nil && c.public.Scheme == "http" && c.behindProxy {
		log.Warn("--behind-proxy with a plain http --public-url: browsers send access tokens in plain text to the proxy, " +
			"and sign-ins of OAuth are not offered; if the proxy speaks HTTPS, as it should, write https:// in --public-url")
	}
	switch {
	case c.public == nil:
		return "http://" + localName(c.listen) + " and the port; other machines cannot use this server", nil
	case len(c.apps()) > 0:
		return fmt.Sprintf("%s, and below it the hosts of apps: %s", c.public, c.appHosts), nil
	}
	return c.public.String() + ", and no other host", nil
}

func (c *config) lookAtCertificates(log *slog.Logger) (string, error) {
	switch {
	case c.https.acme():
		return c.lookAtACME()
	case c.https.enabled():
		files, err := certs.OpenFiles(c.https.certFile, c.https.keyFile, c.serverName(), log)
		if err != nil {
			return "", usagef("--tls-cert, --tls-key: %v", err)
		}
		c.https.files = files
		return "from " + c.https.certFile + ", read again when it changes", nil
	}
	if c.public != nil && c.public.Scheme == "https" {
		return "none: a proxy in front has to speak HTTPS and pass the Host header on", nil
	}
	return "none: plain HTTP", nil
}

// serverName is the name that certificates are for.
func (c *config) serverName() string {
	if c.public == nil {
		return "localhost"
	}
	return c.public.Hostname()
}

func (c *config) lookAtACME() (string, error) {
	if _, err := readRoots(c.https.acmeCA); err != nil {
		return "", usagef("--acme-ca: %v", err)
	}
	kept := "kept in the store, for all servers"
	if c.https.certSecretFile == "" {
		kept = "kept in " + c.https.certDir
		if err := lookAtFolder("--cert-dir", c.certFolder()); err != nil {
			return "", err
		}
	} else if _, err := c.certStorage(nil); err != nil {
		return "", usagef("%v", err)
	}
	return fmt.Sprintf("for %s from %s, %s; it was not asked", strings.Join(c.certHosts(), ", "), c.https.acmeDirectory, kept), nil
}

// lookAtAudit also keeps the key of the hashes.
func (c *config) lookAtAudit(log *slog.Logger) (text string, err error) {
	if !c.audit {
		return "none", nil
	}
	if c.auditKey, err = c.readKey(); err != nil {
		return "", usagef("--audit-key-file: %v", err)
	}
	if c.auditKeyFile != "" {
		return "lines with hashes under the secret in " + c.auditKeyFile, nil
	}
	if !origin.IsLoopback(c.serverName()) {
		log.Warn("the hashes in audit lines are others after each restart and on each server: " +
			"make a secret for them with openssl rand -hex 32, and name its file in --audit-key-file")
	}
	return "lines with hashes under a secret that is made at each start", nil
}

func (c *config) lookAtLimits(log *slog.Logger) (string, error) {
	c.warnOfProxy(log)
	clients := "clients are limited, behind these proxies: " + c.trustedProxies
	switch {
	case c.limitsConfig.limits == "off":
		clients = "clients are not limited"
	case c.trustedProxies == "":
		clients = "clients are limited, and no proxy is trusted"
	}
	return fmt.Sprintf("%d deposits of %s in all, each for %v; %d apps that wait; %v to shut down; %s",
		c.maxEntries, &c.maxBytes, c.ttl, c.maxWaiters, c.drain, clients), nil
}

func (c *config) lookAtStackExchange() (string, error) {
	switch {
	case c.sandbox && c.sandboxRemote:
		return "a fake one, for everybody: anybody can sign in as anybody", nil
	case c.sandbox:
		return "a fake one, for this machine only", nil
	}
	return fmt.Sprintf("users sign in at %s, the API is at %s; neither was asked", c.stackExchangeURL, c.stackExchangeAPIURL), nil
}

// lookAtFile says why a file cannot be read and written, or "".
func lookAtFile(path string) string {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return plainReason(err)
	case !info.Mode().IsRegular():
		return "it is not a file"
	}
	if err := writable(path); err != nil {
		return "it cannot be written: " + plainReason(err)
	}
	return ""
}

// plainReason leaves out what is said anyway.
func plainReason(err error) string {
	if failed, ok := errors.AsType[*os.PathError](err); ok {
		err = failed.Err
	}
	return err.Error()
}
