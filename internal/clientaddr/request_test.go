package clientaddr

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func mustParse(t testing.TB, list string) Proxies {
	t.Helper()
	p, err := ParseProxies(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const trusted = "10.0.0.0/8, 127.0.0.1,2001:db8:ffff::/48"

func TestOf(t *testing.T) {
	proxies := mustParse(t, trusted)
	for _, c := range []struct {
		name, peer, want string
		lines            []string
	}{
		{"a client", "198.51.100.7:4000", "198.51.100.7", nil},
		{"a client that pretends", "198.51.100.7:4000", "198.51.100.7", []string{"203.0.113.9"}},
		{"a proxy", "10.1.2.3:4000", "198.51.100.7", []string{"198.51.100.7"}},
		{"a proxy that names nobody", "10.1.2.3:4000", "10.1.2.3", nil},
		{"an empty list", "10.1.2.3:4000", "10.1.2.3", []string{""}},
		{"what the client made up", "10.1.2.3:4000", "198.51.100.7", []string{"203.0.113.9, 127.0.0.1, 198.51.100.7"}},
		{"two proxies", "10.1.2.3:4000", "198.51.100.7", []string{"203.0.113.9, 198.51.100.7, 10.9.9.9"}},
		{"lines are one list", "10.1.2.3:4000", "198.51.100.7", []string{"203.0.113.9", "198.51.100.7", "10.9.9.9"}},
		{"nobody but proxies", "10.1.2.3:4000", "10.0.0.1", []string{"10.0.0.1, 10.0.0.2"}},
		{"garbage", "10.1.2.3:4000", "10.9.9.9", []string{"198.51.100.7, unknown, 10.9.9.9"}},
		{"an empty entry", "10.1.2.3:4000", "10.9.9.9", []string{"198.51.100.7, , 10.9.9.9"}},
		{"a zone", "10.1.2.3:4000", "10.1.2.3", []string{"fe80::1%eth0"}},
		{"a zone in brackets", "10.1.2.3:4000", "10.1.2.3", []string{"[fe80::1%eth0]:80"}},
		{"a port", "10.1.2.3:4000", "198.51.100.7", []string{"198.51.100.7:52044"}},
		{"a port that is none", "10.1.2.3:4000", "10.1.2.3", []string{"198.51.100.7:99999"}},
		{"IPv6", "10.1.2.3:4000", "2001:db8::7", []string{"2001:db8::7"}},
		{"brackets", "10.1.2.3:4000", "2001:db8::7", []string{"[2001:db8::7]"}},
		{"brackets and a port", "10.1.2.3:4000", "2001:db8::7", []string{"[2001:db8::7]:52044"}},
		{"IPv4 in brackets", "10.1.2.3:4000", "10.1.2.3", []string{"[198.51.100.7]"}},
		{"half a bracket", "10.1.2.3:4000", "10.1.2.3", []string{"[2001:db8::7"}},
		{"IPv4 as IPv6", "10.1.2.3:4000", "198.51.100.7", []string{"::ffff:198.51.100.7"}},
		{"a proxy as IPv6", "10.1.2.3:4000", "198.51.100.7", []string{"198.51.100.7, ::ffff:10.9.9.9"}},
		{"a peer as IPv6", "[::ffff:10.1.2.3]:4000", "198.51.100.7", []string{"198.51.100.7"}},
		{"a peer with a zone", "[fe80::1%eth0]:4000", "fe80::1", []string{"198.51.100.7"}},
		{"leading zeros", "10.1.2.3:4000", "10.1.2.3", []string{"198.051.100.007"}},
		{"a name", "10.1.2.3:4000", "10.1.2.3", []string{"client.example.org"}},
		{"a long entry", "10.1.2.3:4000", "10.1.2.3", []string{strings.Repeat("1", 4000)}},
		{"100 made-up entries", "10.1.2.3:4000", "198.51.100.7", []string{strings.Repeat("10.0.0.1, ", 100) + "198.51.100.7"}},
		{"100 trusted entries", "10.1.2.3:4000", "10.0.0.1", []string{strings.Repeat("10.0.0.1, ", 100) + "10.0.0.1"}},
		{"as many proxies as may be", "10.1.2.3:4000", "198.51.100.7", []string{"198.51.100.7" + strings.Repeat(",10.0.0.1", maxHops-1)}},
		{"one more", "10.1.2.3:4000", "10.0.0.1", []string{"198.51.100.7" + strings.Repeat(",10.0.0.1", maxHops)}},
		{"no connection", "pipe", "invalid IP", []string{"198.51.100.7"}},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{
			"X-Real-Ip": {"192.0.2.1"}, "Forwarded": {"for=192.0.2.1"}, "X-Client-Ip": {"192.0.2.1"},
		}}
		if c.lines != nil {
			r.Header["X-Forwarded-For"] = c.lines
		}
		if got := proxies.Of(r).String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if got := (Proxies{}).Of(r); got != peer(c.peer) {
			t.Errorf("%s, nobody trusted: %s", c.name, got)
		}
	}
}

// overUnix is a request that came over a Unix socket. The peer has chosen name.
func overUnix(name string, lines ...string) *http.Request {
	local := &net.UnixAddr{Name: "/run/dss.sock", Net: "unix"}
	r := &http.Request{RemoteAddr: name, Header: http.Header{}}
	if len(lines) > 0 {
		r.Header["X-Forwarded-For"] = lines
	}
	return r.WithContext(context.WithValue(context.Background(), http.LocalAddrContextKey, local))
}

// TestUnixSocket: its peers have no address, and are believed if they are
// named, whatever they call themselves.
func TestUnixSocket(t *testing.T) {
	named, others := mustParse(t, "unix, 10.0.0.0/8"), mustParse(t, trusted)
	for _, peer := range []string{"", "@", "/tmp/client.sock", "10.1.2.3:4000", "127.0.0.1:1"} {
		for _, c := range []struct {
			lines []string
			want  string
		}{
			{nil, "invalid IP"},
			{[]string{"198.51.100.7"}, "198.51.100.7"},
			{[]string{"203.0.113.9, 198.51.100.7"}, "198.51.100.7"},
			{[]string{"198.51.100.7, 10.9.9.9"}, "198.51.100.7"},
			{[]string{"unix"}, "invalid IP"},
			{[]string{"2001:db8::7"}, "2001:db8::7"},
		} {
			if got := named.Of(overUnix(peer, c.lines...)).String(); got != c.want {
				t.Errorf("%q, %v: %s, want %s", peer, c.lines, got, c.want)
			}
			if got := others.Of(overUnix(peer, c.lines...)); got.IsValid() {
				t.Errorf("%q, %v: %s is believed", peer, c.lines, got)
			}
			if got := others.Overlooked(overUnix(peer, c.lines...)); got != (c.lines != nil) {
				t.Errorf("%q, %v: overlooked is %v", peer, c.lines, got)
			}
			if named.Overlooked(overUnix(peer, c.lines...)) {
				t.Errorf("%q, %v: overlooked, and named", peer, c.lines)
			}
		}
	}
	// It says nothing about others.
	r := &http.Request{RemoteAddr: "127.0.0.1:4000", Header: http.Header{"X-Forwarded-For": {"198.51.100.7"}}}
	if got := mustParse(t, "unix").Of(r).String(); got != "127.0.0.1" {
		t.Errorf("a neighbour over TCP is believed: %s", got)
	}
	if named.Empty() || !named.Unix() || others.Unix() || mustParse(t, "unix").Empty() {
		t.Error("the list is not what was written")
	}
}

func TestParseProxies(t *testing.T) {
	for list, want := range map[string]string{
		"10.0.0.1/8": "10.0.0.0/8", "0.0.0.0/0": "every client", "::/0": "every client", "nginx": "10.0.0.0/8", "unix:/run/dss.sock": "nor unix", "UNIX": "nor unix",
		"::ffff:10.0.0.0/104": "as IPv4", "fe80::1%eth0": "is not a network", "10.0.0.0/33": "is not a network",
		"proxy-protocol": "needs the networks",
	} {
		if _, err := ParseProxies(list); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", list, err, want)
		}
	}
	if p := mustParse(t, " , "); !p.Empty() {
		t.Errorf("nothing is %v", p)
	}
	if p := mustParse(t, trusted); p.Empty() || !p.Contain(netip.MustParseAddr("127.0.0.1")) || p.Contain(netip.MustParseAddr("127.0.0.2")) {
		t.Errorf("%q is %v", trusted, p)
	}
}

// FuzzOf: what comes out is the peer, or stands in the header; and it is
// nothing that a client could have written there itself.
func FuzzOf(f *testing.F) {
	for _, line := range []string{"198.51.100.7", "a, 10.0.0.1", "[::1]:5, ::ffff:10.0.0.1", "fe80::1%eth0,", ",,", "[::1"} {
		f.Add(line, "10.1.2.3:4000")
	}
	f.Fuzz(func(t *testing.T, line, remote string) {
		proxies := mustParse(t, trusted)
		read := func(lines ...string) netip.Addr {
			return proxies.Of(&http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": lines}})
		}
		got, from := read(line), peer(remote)
		if !proxies.Contain(from) && got != from {
			t.Fatalf("an untrusted peer is believed: %s", got)
		}
		if got.Zone() != "" || got.Is4In6() {
			t.Fatalf("%s is not in its plain form", got)
		}
		// A proxy appends whom it sees: nothing before that matters.
		if seen := read(line, "203.0.113.9"); proxies.Contain(from) && seen.String() != "203.0.113.9" {
			t.Fatalf("the last entry is 203.0.113.9, the client %s", seen)
		}
		if split := read(strings.Split(line, ",")...); split != got {
			t.Fatalf("one line: %s, many: %s", got, split)
		}
	})
}

func TestNamesOther(t *testing.T) {
	proxies := mustParse(t, trusted)
	for _, c := range []struct {
		name, peer, list string
		want             bool
	}{
		{"a client", "198.51.100.7:4000", "", false},
		{"a client that names another, or a proxy that is not trusted", "198.51.100.7:4000", "203.0.113.9", true},
		{"a proxy", "10.1.2.3:4000", "198.51.100.7", false},
		{"two", "10.1.2.3:4000", "198.51.100.7, 10.9.9.9", false},
		{"a proxy that names nobody", "10.1.2.3:4000", "", false},
		{"another proxy behind it", "10.1.2.3:4000", "203.0.113.9, 198.51.100.7", true},
		{"nobody but proxies", "10.1.2.3:4000", "10.0.0.1, 10.0.0.2", false},
		{"garbage", "10.1.2.3:4000", "unknown", true},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
		if c.list != "" {
			r.Header.Set("X-Forwarded-For", c.list)
		}
		if got := proxies.NamesOther(r); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestConnContext: the address of a connection is parsed with its first request.
func TestConnContext(t *testing.T) {
	var nobody Proxies
	of := func(connection context.Context, remote string) string {
		return nobody.Of((&http.Request{RemoteAddr: remote}).WithContext(connection)).String()
	}
	one, other := ConnContext(t.Context(), nil), ConnContext(t.Context(), nil)
	for _, c := range []struct {
		connection   context.Context
		remote, want string
	}{
		{one, "198.51.100.7:4000", "198.51.100.7"}, {other, "[2001:db8::7]:4000", "2001:db8::7"},
		{one, "not parsed again", "198.51.100.7"}, {other, "not parsed again", "2001:db8::7"},
	} {
		if got := of(c.connection, c.remote); got != c.want {
			t.Errorf("%s: the client is %s, want %s", c.remote, got, c.want)
		}
	}
}
