package certs

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/crypto/acme"
)

// order has the authority issue a certificate with a new key, and returns both
// in PEM. It tries one kind of challenge after the other.
func (a *ACME) order(ctx context.Context, host string) ([]byte, error) {
	client, err := a.client(ctx)
	if err != nil {
		return nil, err
	}
	var failure error
	for _, kind := range slices.Clone(a.kinds) {
		order, err := a.prove(ctx, client, host, kind)
		if err == nil {
			if a.kinds[0] != kind {
				slices.Reverse(a.kinds) // there are two: try this one first from now on
			}
			return finalize(ctx, client, order, host)
		}
		if failure == nil {
			failure = fmt.Errorf("%s: %w", kind, err)
		} else {
			failure = fmt.Errorf("%w; %s: %w", failure, kind, err)
		}
		if !unproven(err) || ctx.Err() != nil {
			break
		}
	}
	return nil, failure
}

// client returns a client of the authority with an account there. It is a new
// one each time, so that an account the authority has lost is made again.
func (a *ACME) client(ctx context.Context) (*acme.Client, error) {
	key, err := a.accountKey(ctx)
	if err != nil {
		return nil, err
	}
	client := &acme.Client{
		Key:          key,
		DirectoryURL: a.config.Directory,
		HTTPClient:   a.http,
		UserAgent:    a.config.UserAgent,
		RetryBackoff: func(n int, _ *http.Request, response *http.Response) time.Duration {
			if n > 3 || response.StatusCode == http.StatusTooManyRequests {
				return 0
			}
			return time.Duration(n) * time.Second
		},
	}
	contact := []string{"mailto:" + a.config.Email}
	_, err = client.Register(ctx, &acme.Account{Contact: contact}, acme.AcceptTOS)
	if err != nil && !errors.Is(err, acme.ErrAccountAlreadyExists) {
		return nil, fmt.Errorf("account at the authority: %w", err)
	}
	return client, nil
}

// account is the storage's name of the account's key. It has no dot, so it is
// no host's.
const account = "account"

// accountKey returns the key that the storage has, or a new one. Servers that
// make one at the same moment use an account each, and later the last one's.
func (a *ACME) accountKey(ctx context.Context) (crypto.Signer, error) {
	data, ok, err := a.config.Storage.Get(ctx, account)
	if err == nil && !ok {
		data, err = encodePair(newKey(), nil)
	}
	if err != nil {
		return nil, err
	}
	key, err := decodeKey(data)
	if err != nil {
		return nil, fmt.Errorf("key of the account at the authority: %w", err)
	}
	// Storing it again prolongs its life.
	return key, a.config.Storage.Put(ctx, account, data, keepTime)
}

// finalize exchanges a proven order for a certificate.
func finalize(ctx context.Context, client *acme.Client, order *acme.Order, host string) ([]byte, error) {
	key := newKey()
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{host}}, key)
	if err != nil {
		return nil, err
	}
	chain, _, err := client.CreateCertFromOrder(ctx, order, request, true)
	if err != nil {
		return nil, err
	}
	return encodePair(key, chain)
}

func newKey() *ecdsa.PrivateKey {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // rand.Reader does not fail
	return key
}

// decodeKey reads the private key that encodePair returned.
func decodeKey(data []byte) (crypto.Signer, error) {
	if block, _ := pem.Decode(data); block != nil {
		key, _ := x509.ParsePKCS8PrivateKey(block.Bytes)
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
	}
	return nil, errors.New("no private key")
}

// encodePair returns a private key (PKCS #8) and the chain that belongs to it,
// if there is one, in PEM.
func encodePair(key crypto.PrivateKey, chain [][]byte) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	for _, der := range chain {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out, nil
}

// decodePair reads what encodePair returned. It fails if key and certificate do
// not belong together, and if the certificate is not for host or has expired.
func decodePair(data []byte, host string) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(data, data)
	if err != nil {
		return nil, fmt.Errorf("decode certificate: %w", err)
	}
	if err := pair.Leaf.VerifyHostname(host); err != nil {
		return nil, err
	}
	if !live(&pair) {
		return nil, fmt.Errorf("certificate has expired at %v", pair.Leaf.NotAfter)
	}
	return &pair, nil
}

func live(cert *tls.Certificate) bool {
	return cert != nil && time.Now().Before(cert.Leaf.NotAfter)
}

// renewal is when to renew a certificate: when a third of its life is left.
func renewal(cert *tls.Certificate) time.Time {
	life := cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore)
	return cert.Leaf.NotAfter.Add(-life / 3)
}

func due(cert *tls.Certificate) bool {
	return !live(cert) || !time.Now().Before(renewal(cert))
}
