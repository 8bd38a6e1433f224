package oauth_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// TestElsewhere says what is known, which is never that two networks are the same.
func TestElsewhere(t *testing.T) {
	for _, tt := range []struct {
		name, device, user string
		want               bool
	}{
		{"the same address", "198.51.100.7", "198.51.100.7", false},
		{"behind the same NAT, or a neighbour", "198.51.100.7", "198.51.100.254", false},
		{"another /24", "198.51.100.7", "198.51.101.7", true},
		{"another country", "198.51.100.7", "203.0.113.9", true},
		{"the same /48", "2001:db8:1:2::3", "2001:db8:1:ffff::4", false},
		{"another /48", "2001:db8:1:2::3", "2001:db8:2:2::3", true},
		{"a device with IPv4, a user with IPv6", "198.51.100.7", "2001:db8::1", false},
		{"a device with IPv6, a user with IPv4", "2001:db8::1", "198.51.100.7", false},
		{"a device as IPv6", "::ffff:198.51.100.7", "198.51.100.9", false},
		{"both as IPv6", "::ffff:198.51.100.7", "::ffff:203.0.113.9", true},
		{"a user as IPv6", "198.51.100.7", "::ffff:203.0.113.9", true},
		{"a zone", "2001:db8:1::1%eth0", "2001:db8:1::2", false},
		{"this machine", "127.0.0.1", "127.0.0.1", false},
		{"this machine twice", "127.0.0.1", "127.8.8.8", false},
		{"this machine and another", "127.0.0.1", "198.51.100.7", false},
		{"this machine in IPv6", "::1", "2001:db8::1", false},
		{"the same house", "192.168.1.2", "192.168.1.3", false},
		{"two networks of a company", "10.1.1.1", "10.2.2.2", false},
		{"a device at home", "192.168.1.2", "198.51.100.7", false},
		{"a user at home", "198.51.100.7", "192.168.1.2", false},
		{"local IPv6", "fd00:1::1", "fd00:2::1", false},
		{"link-local", "fe80::1", "2001:db8::1", false},
		{"link-local in IPv4", "169.254.1.1", "198.51.100.7", false},
		{"an overlay", "100.64.1.1", "100.101.1.1", false},
		{"an overlay and the internet", "198.51.100.7", "100.101.1.1", false},
		{"beside an overlay", "100.63.1.1", "100.128.1.1", true},
		{"a Unix socket", "", "198.51.100.7", false},
		{"a user over a Unix socket", "198.51.100.7", "", false},
		{"everybody", "198.51.100.7", "255.255.255.255", false},
		{"nobody", "0.0.0.0", "198.51.100.7", false},
		{"many", "224.0.0.1", "198.51.100.7", false},
	} {
		w := newWorld()
		a, err := w.AuthorizeDevice(t.Context(), "7", "", address(tt.device))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the user reloads
			request, err := w.Find(t.Context(), a.UserCode, address(tt.user))
			if err != nil || request.Elsewhere != tt.want {
				t.Errorf("%s: %v, %v", tt.name, request.Elsewhere, err)
			}
		}
	}
}

func address(text string) netip.Addr {
	if text == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(text)
}

// TestAddressesAreNotStored searches all that is stored of a device for its address,
// as text and as bytes.
func TestAddressesAreNotStored(t *testing.T) {
	for _, text := range []string{"198.51.100.7", "2001:db8:1:2::3"} {
		recorded := &recordingStore{Store: memory.New(store.Limits{})}
		w := newWorldsOn(recorded, 1, oauth.Config{})[0]
		from := address(text)
		a, err := w.AuthorizeDevice(t.Context(), "7", "", from)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Find(t.Context(), a.UserCode, from); err != nil {
			t.Fatal(err)
		}
		bits := 24
		if from.Is6() {
			bits = 48
		}
		prefix := from.AsSlice()[:bits/8]
		for _, value := range recorded.values {
			if bytes.Contains(value, prefix) || strings.Contains(string(value), text[:8]) {
				t.Errorf("%s is in %x", text, value)
			}
		}
		if len(recorded.values) != 2 {
			t.Errorf("%d values", len(recorded.values))
		}
	}
}
