package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"syscall"

	"github.com/desktop-stack-serv/dss/internal/certs"
)

// outlook is one line of dss serve --check: what would happen.
type outlook struct {
	subject string
	look    func() (string, error) // the error is a usageError
}

// outlooks lists the lines. None changes anything.
func (c *config) outlooks() []outlook {
	return []outlook{
		{"address", func() (string, error) { return lookAtAddress("--listen", c.listen) }},
		{"admin address", c.lookAtAdmin},
		{"public URL", c.lookAtPublicURL},
		{"certificates", c.lookAtCertificates},
		{"store", c.lookAtStore},
		{"limits", c.lookAtLimits},
		{"Stack Exchange", c.lookAtStackExchange},
	}
}

func (c *config) checkFlag(f *flag.FlagSet) {
	f.BoolVar(&c.checkOnly, "check", false, "say what these settings would do, without starting; status 2 if they would not work")
}

// foresee prints what would happen, unless there is already a mistake in the
// settings, and returns every problem.
func (c *config) foresee(w io.Writer, mistake error) error {
	problems := []error{mistake}
	if mistake != nil {
		w = io.Discard
	}
	for _, o := range c.outlooks() {
		text, err := o.look()
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if _, err := fmt.Fprintf(w, "%-15s %s\n", o.subject, text); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return errors.Join(problems...)
}

// lookAtAddress binds an address and lets go of it at once. One that is in use
// cannot be bound, so a running server does not notice.
func lookAtAddress(flagName, address string) (string, error) {
	listener, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return address + ", which is in use now, perhaps by the server that this one replaces", nil
	case err != nil:
		return "", usagef("%s: %v", flagName, err)
	}
	if err := listener.Close(); err != nil {
		return "", usagef("%s: %v", flagName, err)
	}
	return address, nil
}

func (c *config) lookAtAdmin() (string, error) {
	if c.adminListen == "" {
		return "none", nil
	}
	return lookAtAddress("--admin-listen", c.adminListen)
}

func (c *config) lookAtPublicURL() (string, error) {
	switch {
	case c.public == nil:
		return "http://localhost and the port; other machines cannot use this server", nil
	case len(c.apps()) > 0:
		return fmt.Sprintf("%s, and below it the hosts of apps: %s", c.public, c.appHosts), nil
	}
	return c.public.String() + ", and no other host", nil
}

func (c *config) lookAtCertificates() (string, error) {
	switch {
	case c.https.acme():
		return c.lookAtACME()
	case c.https.enabled():
		_, err := certs.OpenFiles(c.https.certFile, c.https.keyFile, c.serverName(), slog.New(slog.DiscardHandler))
		if err != nil {
			return "", usagef("--tls-cert, --tls-key: %v", err)
		}
		return "from " + c.https.certFile + ", read again when it changes", nil
	}
	if c.public != nil && c.public.Scheme == "https" {
		return "none: a proxy in front has to speak HTTPS and pass the Host header on", nil
	}
	return "none: plain HTTP", nil
}

// serverName is the name that certificates are for; "" if it is not known yet.
func (c *config) serverName() string {
	if c.public == nil {
		return ""
	}
	return c.public.Hostname()
}

func (c *config) lookAtACME() (string, error) {
	if _, err := readRoots(c.https.acmeCA); err != nil {
		return "", usagef("--acme-ca: %v", err)
	}
	kept := "kept in " + c.https.certDir
	if c.https.certSecretFile != "" {
		if _, err := c.certStorage(nil); err != nil {
			return "", usagef("%v", err)
		}
		kept = "kept in the store, for all servers"
	}
	return fmt.Sprintf("for %s from %s, %s; it was not asked", c.serverName(), c.https.acmeDirectory, kept), nil
}

func (c *config) lookAtLimits() (string, error) {
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
		return "it is no file"
	case !writable(path):
		return "it cannot be written"
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
