package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/api"
)

// seen is how a request reaches the server: from which peer, and what it says of
// whom it is for.
type seen struct{ peer, forwardedFor string }

func (s seen) headers() []string {
	if s.forwardedFor == "" {
		return nil
	}
	return []string{"X-Forwarded-For", s.forwardedFor}
}

// askFrom has a device ask, and returns the page that its user sees.
func (l limited) askFrom(device, user seen) string {
	l.Helper()
	w := l.from(device.peer, api.PathDeviceAuthorization, "client_id=7", device.headers()...)
	var answer api.DeviceAuthorization
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK {
		l.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	w = l.from(user.peer, api.PathDevice+"?user_code="+answer.UserCode, "", user.headers()...)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), answer.UserCode) {
		l.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

const elsewhere = "on a different network from this browser"

// TestPageSaysElsewhere of a device on another network, behind proxies too, and of
// no other.
func TestPageSaysElsewhere(t *testing.T) {
	const there = "203.0.113.9"
	for _, tt := range []struct {
		name         string
		proxies      string
		device, user seen
		want         bool
	}{
		{"another network", "", seen{alice, ""}, seen{there, ""}, true},
		{"the same", "", seen{alice, ""}, seen{bob, ""}, false},
		{"this machine", "", seen{"127.0.0.1", ""}, seen{"127.0.0.1", ""}, false},
		{"IPv6", "", seen{"[2001:db8:1::1]", ""}, seen{"[2001:db8:2::1]", ""}, true},
		{"IPv4 as IPv6", "", seen{"[::ffff:198.51.100.9]", ""}, seen{alice, ""}, false},
		{"two families", "", seen{"[2001:db8:1::1]", ""}, seen{alice, ""}, false},
		{"behind a proxy", "10.0.0.0/8", seen{"10.0.0.1", alice}, seen{"10.0.0.2", there}, true},
		{"behind a proxy, the same", "10.0.0.0/8", seen{"10.0.0.1", alice}, seen{"10.0.0.2", bob}, false},
		{"behind a proxy in another network", "192.0.2.0/24", seen{"192.0.2.1", alice}, seen{bob, ""}, false},
		{"a proxy that names nobody", "10.0.0.0/8", seen{"10.0.0.1", ""}, seen{"10.0.0.2", there}, false},
		{"a proxy nearby that is not trusted", "", seen{"10.0.0.1", alice}, seen{"10.1.0.2", there}, false},
		{"two addresses of a proxy that is not trusted", "", seen{"192.0.2.1", alice}, seen{there, alice}, false},
		{"a proxy behind the trusted one", "10.0.0.0/8", seen{"10.0.0.1", alice + ", 192.0.2.1"}, seen{"10.0.0.1", alice + ", " + there}, false},
		{"a device that names its victim", "", seen{there, alice}, seen{alice, ""}, true},
		{"a device that does so behind a proxy", "10.0.0.0/8", seen{"10.0.0.1", alice + ", " + there}, seen{"10.0.0.1", alice}, true},
	} {
		l := newLimited(t, inMemory(), nil, tt.proxies)
		page := l.askFrom(tt.device, tt.user)
		if strings.Contains(page, elsewhere) != tt.want {
			t.Errorf("%s: the page says it: %v", tt.name, !tt.want)
		}
		for _, text := range []string{"same network", "198.51", "203.0", "2001:db8"} {
			if strings.Contains(page, text) {
				t.Errorf("%s: the page has %q", tt.name, text)
			}
		}
		for _, text := range []string{"198.51", "203.0.113", "2001:db8", "10.0.0."} {
			if log := l.log.String(); strings.Contains(withoutWarnings(log), text) {
				t.Errorf("%s: the log has %q:\n%s", tt.name, text, log)
			}
		}
	}
}

// withoutWarnings leaves out the one about a proxy, which is about the operator's.
func withoutWarnings(log string) string {
	var rest []string
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "level=WARN") {
			rest = append(rest, line)
		}
	}
	return strings.Join(rest, "")
}
