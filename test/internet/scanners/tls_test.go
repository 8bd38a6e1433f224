//go:build integration

package scanners_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// scan is what sslscan reports.
type scan struct {
	Protocols []struct {
		Type    string `xml:"type,attr"`
		Version string `xml:"version,attr"`
		Enabled bool   `xml:"enabled,attr"`
	} `xml:"ssltest>protocol"`
	Renegotiation []struct {
		Supported bool `xml:"supported,attr"`
	} `xml:"ssltest>renegotiation"`
	Heartbleed []struct {
		Vulnerable bool `xml:"vulnerable,attr"`
	} `xml:"ssltest>heartbleed"`
	Ciphers []struct {
		Version  string `xml:"sslversion,attr"`
		Name     string `xml:"cipher,attr"`
		Strength string `xml:"strength,attr"`
		Bits     int    `xml:"bits,attr"`
		ECDHE    int    `xml:"ecdhebits,attr"`
	} `xml:"ssltest>cipher"`
}

// TestSSLScan: TLS 1.2 and 1.3 and nothing else, with ciphers that all have
// forward secrecy and authenticate what they encrypt.
func TestSSLScan(t *testing.T) {
	s := start(t)
	file := filepath.Join(t.TempDir(), "scan.xml")
	if out, err := run(t.Context(), time.Minute, "sslscan", "--xml="+file, "--no-colour", s.address); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var found scan
	if err := xml.Unmarshal(text, &found); err != nil {
		t.Fatal(err)
	}
	found.check(t)
}

func (found scan) check(t *testing.T) {
	t.Helper()
	var spoken []string
	for _, p := range found.Protocols {
		spoken = append(spoken, fmt.Sprint(p.Type, " ", p.Version, " ", p.Enabled))
	}
	want := []string{"ssl 2 false", "ssl 3 false", "tls 1.0 false", "tls 1.1 false", "tls 1.2 true", "tls 1.3 true"}
	if !slices.Equal(spoken, want) {
		t.Errorf("protocols: %q", spoken)
	}
	versions := map[string]int{}
	for _, c := range found.Ciphers {
		versions[c.Version]++
		authenticates := strings.Contains(c.Name, "GCM") || strings.Contains(c.Name, "POLY1305")
		if !authenticates || c.Bits < 128 || c.ECDHE < 250 || c.Strength != "strong" && c.Strength != "acceptable" {
			t.Errorf("cipher: %+v", c)
		}
	}
	if versions["TLSv1.2"] != 3 || versions["TLSv1.3"] != 3 || len(versions) != 2 {
		t.Errorf("ciphers: %v", versions)
	}
	if len(found.Renegotiation) != 1 || found.Renegotiation[0].Supported {
		t.Errorf("renegotiation: %+v", found.Renegotiation)
	}
	if len(found.Heartbleed) != 2 {
		t.Errorf("heartbleed was looked for in %d versions", len(found.Heartbleed))
	}
	for _, h := range found.Heartbleed {
		if h.Vulnerable {
			t.Error("heartbleed")
		}
	}
}

// TestHSTS: every answer has it, over either version of HTTP, and none is
// compressed, which would tell of secrets by its length.
func TestHSTS(t *testing.T) {
	s := start(t)
	for _, major := range []int{1, 2} {
		c := s.client()
		c.Transport.(*http.Transport).Protocols = new(http.Protocols)
		c.Transport.(*http.Transport).Protocols.SetHTTP1(major == 1)
		c.Transport.(*http.Transport).Protocols.SetHTTP2(major == 2)
		for path, status := range map[string]int{"/": 200, "/healthz": 200, "/nowhere": 404, "/auth/token": 400, "/device": 200} {
			request, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+s.address+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Accept-Encoding", "gzip, deflate, br, zstd")
			response, err := c.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			hsts, sealed := response.Header.Get("Strict-Transport-Security"), response.Header.Get("Content-Encoding")
			if response.ProtoMajor != major || response.StatusCode != status || !strings.HasPrefix(hsts, "max-age=31536000") || sealed != "" {
				t.Errorf("%s over HTTP/%d: %s, HSTS %q, %q", path, response.ProtoMajor, response.Status, hsts, sealed)
			}
		}
	}
}
