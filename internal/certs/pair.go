package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// encodeKey returns a private key in PEM (PKCS #8).
func encodeKey(key crypto.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

var errNoKey = errors.New("no private key")

func decodeKey(data []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errNoKey
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errNoKey
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errNoKey
	}
	return signer, nil
}

// encodePair returns a private key and the chain that belongs to it in PEM.
func encodePair(key crypto.PrivateKey, chain [][]byte) ([]byte, error) {
	text, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	out := bytes.NewBuffer(text)
	for _, der := range chain {
		if err := pem.Encode(out, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			return nil, fmt.Errorf("encode certificate: %w", err)
		}
	}
	return out.Bytes(), nil
}

// decodePair is the other way round. It fails if key and certificate do not
// belong together, and if the certificate is not for name or has expired.
func decodePair(data []byte, name string) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(data, data)
	if err != nil {
		return nil, fmt.Errorf("decode certificate: %w", err)
	}
	if err := pair.Leaf.VerifyHostname(name); err != nil {
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
