//go:build integration && internet

package scanners_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// finding is one of testssl.sh's.
type finding struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	Finding  string `json:"finding"`
}

// expected is what testssl.sh finds that is as it is meant to be.
var expected = map[string]string{
	// Go's tickets live seven days; their keys change every day, and TLS 1.3
	// makes new keys for each connection.
	"TLS_session_ticket": "valid for 604800 seconds (>daily)",
	// It asks for "/" under a Host without the port, which is another host.
	"HTTP_status_code": "Unexpected 421 Misdirected Request @ '/'",
	// These are of the certificate, which nobody but the test has signed.
	"cert_chain_of_trust": "failed (self signed).",
	"cert_revocation":     "Neither CRL nor OCSP URI provided",
	// It would need a patched openssl for a cipher of Russia.
	"engine_problem": "",
}

// good must be found, and be OK.
var good = []string{
	"SSLv2", "SSLv3", "TLS1_2", "TLS1_3", "ALPN_HTTP2", "cipherlist_NULL", "cipherlist_aNULL", "cipherlist_EXPORT", "cipherlist_LOW",
	"PFS", "HSTS_time", "heartbleed", "CCS", "ticketbleed", "ROBOT", "secure_renego", "secure_client_renego", "CRIME_TLS", "BREACH",
	"POODLE_SSL", "SWEET32", "FREAK", "DROWN", "LOGJAM", "BEAST", "LUCKY13", "RC4",
}

// TestTestSSL: testssl.sh finds nothing that is worse than OK.
func TestTestSSL(t *testing.T) {
	s := start(t)
	file := filepath.Join(t.TempDir(), "testssl.json")
	// Protocols, cipher lists, forward secrecy, server's choices, headers,
	// vulnerabilities. Its exit status counts findings, which are below.
	out, runErr := run(t.Context(), 20*time.Minute, "testssl", "--jsonfile", file, "--quiet", "--warnings", "off", "--color", "0",
		"--nodns", "none", "-p", "-s", "-f", "-P", "-S", "-h", "-U", s.address)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v, %v\n%s", err, runErr, out)
	}
	var findings []finding
	if err := json.Unmarshal(text, &findings); err != nil {
		t.Fatalf("%v, %v\n%s", err, runErr, out)
	}
	ok := map[string]bool{}
	for _, f := range findings {
		switch f.Severity {
		case "OK":
			ok[f.ID] = true
		case "INFO":
		default:
			if want, known := expected[f.ID]; !known || !strings.Contains(f.Finding, want) {
				t.Errorf("%s: %s: %s", f.Severity, f.ID, f.Finding)
			}
		}
	}
	if missing := slices.DeleteFunc(slices.Clone(good), func(id string) bool { return ok[id] }); len(missing) > 0 {
		t.Errorf("not found, or not OK: %q", missing)
	}
}
