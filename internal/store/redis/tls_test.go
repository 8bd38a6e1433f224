package redis

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/store/index"
	"github.com/desktop-stack-serv/dss/test/engines"
)

// certificate writes a certificate for 127.0.0.1, signed by itself, and its
// key.
func certificate(t *testing.T) (certificateFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, content []byte) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return write("certificate.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", private)
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func TestTLS(t *testing.T) {
	certificateFile, keyFile := certificate(t)
	port := freePort(t)
	engines.Redis(t, "--tls-port", strconv.Itoa(port), "--tls-cert-file", certificateFile, "--tls-key-file", keyFile, "--tls-auth-clients", "no")
	s := running(t, fmt.Sprintf("rediss://127.0.0.1:%d?ca=%s", port, certificateFile))
	c := watching(t, s, 1)
	create(t, s, 1, "value")
	fires(t, c)
	for url, want := range map[string]string{
		fmt.Sprintf("rediss://127.0.0.1:%d", port):                        "certificate",
		fmt.Sprintf("rediss://localhost:%d?ca=%s", port, certificateFile): "certificate",
		fmt.Sprintf("redis://127.0.0.1:%d", port):                         "start the URL with rediss://",
	} {
		config, err := ParseURL(url)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), config, index.Limits{}, quiet); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", url, err, want)
		}
	}
}
