package certs

import (
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
