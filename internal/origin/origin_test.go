package origin_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

func TestHost(t *testing.T) {
	for _, test := range []struct {
		scheme, host, want string
		err                error
	}{
		{"https", "auth.example.org", "auth.example.org", nil},
		{"https", "AUTH.Example.ORG", "auth.example.org", nil},
		{"https", "auth.example.org:443", "auth.example.org", nil},
		{"https", "auth.example.org:0443", "auth.example.org", nil},
		{"https", "auth.example.org:", "auth.example.org", nil},
		{"https", "auth.example.org.", "auth.example.org", nil},
		{"https", "auth.example.org.:443", "auth.example.org", nil},
		{"https", "auth.example.org:80", "auth.example.org:80", nil},
		{"http", "auth.example.org:443", "auth.example.org:443", nil},
		{"http", "localhost:80", "localhost", nil},
		{"http", "LOCALHOST.:8080", "localhost:8080", nil},
		{"http", "127.0.0.1:80", "127.0.0.1", nil},
		{"http", "127.0.0.1.:81", "127.0.0.1:81", nil},
		{"http", "[::1]", "[::1]", nil},
		{"http", "[::1]:80", "[::1]", nil},
		{"http", "[0:0:0:0:0:0:0:1]:8080", "[::1]:8080", nil},
		{"https", "[2001:DB8::A]:443", "[2001:db8::a]", nil},
		{"https", "xn--bcher-kva.example", "xn--bcher-kva.example", nil},
		{"http", "a_b.example", "a_b.example", nil},

		{"https", "bücher.example", "", origin.ErrNotASCII},
		{"https", "auth.example.org。", "", origin.ErrNotASCII},
		{"https", "", "", origin.ErrHost},
		{"https", ".", "", origin.ErrHost},
		{"https", ":443", "", origin.ErrHost},
		{"https", "auth..example.org", "", origin.ErrHost},
		{"https", "auth.example.org..", "", origin.ErrHost},
		{"https", ".auth.example.org", "", origin.ErrHost},
		{"https", "auth.example.org/", "", origin.ErrHost},
		{"https", "auth.example.org\\@evil.example", "", origin.ErrHost},
		{"https", "user@auth.example.org", "", origin.ErrHost},
		{"https", "auth.example.org, evil.example", "", origin.ErrHost},
		{"https", "auth%2eexample.org", "", origin.ErrHost},
		{"https", strings.Repeat("a", 64) + ".example", "", origin.ErrHost},
		{"https", strings.Repeat("a.", 127) + "example", "", origin.ErrHost},
		{"http", "127.1", "", origin.ErrHost},
		{"http", "2130706433", "", origin.ErrHost},
		{"http", "0x7f000001", "", origin.ErrHost},
		{"http", "127.0.0.0x1", "", origin.ErrHost},
		{"http", "256.0.0.1", "", origin.ErrHost},
		{"http", "::1", "", origin.ErrHost},
		{"http", "[::1", "", origin.ErrHost},
		{"http", "[::1%25eth0]", "", origin.ErrHost},
		{"http", "[127.0.0.1]", "", origin.ErrHost},
		{"http", "[::1]x:80", "", origin.ErrHost},
		{"http", "localhost:0", "", origin.ErrPort},
		{"http", "localhost:65536", "", origin.ErrPort},
		{"http", "localhost:+80", "", origin.ErrPort},
		{"http", "localhost:http", "", origin.ErrPort},
		{"http", "localhost:8080:80", "", origin.ErrHost},
	} {
		got, err := origin.Host(test.scheme, test.host)
		if !errors.Is(err, test.err) || (err == nil && got != test.want) {
			t.Errorf("Host(%q, %q) = %q, %v, want %q, %v", test.scheme, test.host, got, err, test.want, test.err)
		}
	}
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		text, want string
		err        error
	}{
		{"https://auth.example.org", "https://auth.example.org", nil},
		{"HTTPS://AUTH.example.org.:443/", "https://auth.example.org", nil},
		{"http://localhost:80", "http://localhost", nil},
		{"https://api.example.org:443/2.3/", "https://api.example.org/2.3", nil},
		{"http://[0::1]:8080", "http://[::1]:8080", nil},
		{"https://bücher.example", "", origin.ErrNotASCII},
		{"https://b%C3%BCcher.example", "", origin.ErrNotASCII},
		{"https://auth.example.org?x", "", origin.ErrURL},
		{"https://auth.example.org?", "", origin.ErrURL},
		{"https://auth.example.org#", "", origin.ErrURL},
		{"https://user@auth.example.org", "", origin.ErrURL},
		{"ftp://auth.example.org", "", origin.ErrURL},
		{"https:auth.example.org", "", origin.ErrURL},
		{"//auth.example.org", "", origin.ErrURL},
		{"auth.example.org", "", origin.ErrURL},
		{"", "", origin.ErrURL},
		{"https://", "", origin.ErrHost},
		{"https://auth.example.org:0", "", origin.ErrPort},
	} {
		got, err := origin.Parse(test.text)
		if !errors.Is(err, test.err) || (err == nil && got.String() != test.want) {
			t.Errorf("Parse(%q) = %v, %v, want %q, %v", test.text, got, err, test.want, test.err)
		}
	}
}

func TestOf(t *testing.T) {
	for _, test := range []struct {
		text, want string
		ok         bool
	}{
		{"https://auth.example.org", "https://auth.example.org", true},
		{"https://auth.example.org:443", "https://auth.example.org", true},
		{"HTTPS://AUTH.example.org.", "https://auth.example.org", true},
		{"http://[::1]:80", "http://[::1]", true},
		{"null", "", false},
		{"", "", false},
		{"https://auth.example.org/", "", false},
		{"https://auth.example.org https://evil.example", "", false},
		{"moz-extension://auth.example.org", "", false},
	} {
		got, ok := origin.Of(test.text)
		if ok != test.ok || (ok && got != test.want) {
			t.Errorf("Of(%q) = %q, %v, want %q, %v", test.text, got, ok, test.want, test.ok)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for name, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "localhost.": true, "api.localhost": true, "api.localhost.": true,
		"127.0.0.1": true, "127.255.0.9": true, "::1": true,
		"": false, ".": false, "notlocalhost": false, "localhost.example.org": false, "127.0.0.1.example.org": false,
		"0.0.0.0": false, "::": false, "::ffff:127.0.0.1": false, "::1%lo": false, "127.1": false, "2130706433": false,
		"10.0.0.1": false, "[::1]": false,
	} {
		if got := origin.IsLoopback(name); got != want {
			t.Errorf("IsLoopback(%q) = %v, want %v", name, got, want)
		}
	}
}

// Whatever Host accepts is canonical, and url.Parse takes it for the same host.
func FuzzHost(f *testing.F) {
	for _, seed := range []string{"auth.example.org:443", "[::1]:80", "A.", "127.0.0.1", "bücher", "a@b", "::1", "x:+1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, scheme := range []string{"http", "https"} {
			host, err := origin.Host(scheme, text)
			if err != nil {
				continue
			}
			if again, err := origin.Host(scheme, host); err != nil || again != host {
				t.Errorf("%q became %q, and that %q, %v", text, host, again, err)
			}
			u, err := url.Parse(scheme + "://" + host + "/")
			if err != nil || u.Host != host || u.Path != "/" || strings.ToLower(u.Hostname()) != u.Hostname() {
				t.Errorf("%q became %q, which is not one host in a URL: %v", text, host, err)
			}
		}
	})
}
