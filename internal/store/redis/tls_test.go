//go:build integration

package redis

import (
	"fmt"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/test/engines"
	"github.com/desktop-stack-serv/dss/test/program"
	"github.com/desktop-stack-serv/dss/test/selfsigned"
)

func TestTLS(t *testing.T) {
	certificateFile, keyFile, _ := selfsigned.Files(t, t.TempDir(), "127.0.0.1")
	port := program.FreePort(t)
	engines.Redis(t, "--tls-port", port, "--tls-cert-file", certificateFile, "--tls-key-file", keyFile, "--tls-auth-clients", "no")
	s := running(t, fmt.Sprintf("rediss://127.0.0.1:%s?ca=%s", port, certificateFile))
	c := watching(t, s, 1)
	create(t, s, 1, "value")
	fires(t, c)
	for url, want := range map[string]string{
		fmt.Sprintf("rediss://127.0.0.1:%s", port):                        "certificate",
		fmt.Sprintf("rediss://localhost:%s?ca=%s", port, certificateFile): "certificate",
		fmt.Sprintf("redis://127.0.0.1:%s", port):                         "start the URL with rediss://",
	} {
		if _, err := Open(t.Context(), url, store.Limits{}, quiet); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", url, err, want)
		}
	}
}
