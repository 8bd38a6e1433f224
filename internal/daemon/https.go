package daemon

import (
	"context"
	"fmt"

	"github.com/desktop-stack-serv/dss/internal/certs"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// startHTTPS starts the source of certificates, and serves plain HTTP next to
// HTTPS, if the settings say so.
func (d *daemon) startHTTPS(ctx context.Context, entries sealed.Store) error {
	if !d.https() {
		return nil
	}
	var challenge httpapi.Challenge
	d.source = d.files
	if d.acme() {
		source, err := d.newACME(entries)
		if err != nil {
			return err
		}
		source.Load(ctx)
		d.source, challenge = source, source.Challenge
	}
	if d.metrics != nil {
		d.metrics.Certificate(d.source.Own)
	}
	if err := d.startPlain(challenge); err != nil {
		return err
	}
	d.onStop(runBackground("certificates", d.source.Run, d.log))
	return nil
}

func (d *daemon) hasPlain() bool { return d.plain != "" || d.sockets.has(socketPlain) }

// startPlain serves plain HTTP on the socket that is passed for it, or on the
// second address of --listen.
func (d *daemon) startPlain(challenge httpapi.Challenge) error {
	if !d.hasPlain() {
		return nil
	}
	listener, err := d.sockets.listen(d.plain, socketPlain)
	if err != nil {
		return fmt.Errorf("listen for plain HTTP: %w", err)
	}
	d.serveInBackground("plain HTTP server", newHTTPServer(d.server.PlainHandler(challenge), d.log), d.bounded(listener))
	d.log.Info("plain HTTP redirects to HTTPS", "address", listener.Addr().String())
	return nil
}

func (d *daemon) newACME(entries sealed.Store) (*certs.ACME, error) {
	storage, err := d.certStorage(entries)
	if err != nil {
		return nil, err
	}
	return certs.NewACME(certs.Config{
		Directory: d.directory(),
		Email:     d.ACMEEmail,
		Hosts:     d.certHosts(),
		HTTP01:    d.hasPlain(),
		Storage:   storage,
		UserAgent: "dss/" + d.build.Version,
		Log:       d.log,
	}), nil
}

// certStorage opens where certificates are kept: the folder next to the
// database, or the store that several servers share.
func (p *plan) certStorage(entries sealed.Store) (certs.Storage, error) {
	if !p.kind.shared {
		return certs.OpenFolder(p.certFolder())
	}
	key, err := p.readSecret()
	if err != nil {
		return nil, err
	}
	return certs.NewShared(sealed.NewVault(entries).Reserve(), secret.New(string(key)), authorityName(p.directory()))
}
