package doctor_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/browser"
	"github.com/desktop-stack-serv/dss/internal/doctor"
	"github.com/desktop-stack-serv/dss/internal/fetch"
)

var discard = log.New(io.Discard, "", 0)

func TestCheckProxy(t *testing.T) {
	to := func(host string) doctor.ProxyFunc {
		return func(*http.Request) (*url.URL, error) {
			return &url.URL{Scheme: "http", User: url.UserPassword("me", "hunter2"), Host: host}, nil
		}
	}
	only := func(host string) doctor.ProxyFunc {
		return func(r *http.Request) (*url.URL, error) {
			if r.URL.Hostname() != host {
				return nil, nil
			}
			return to("proxy.example.org:3128")(r)
		}
	}
	none := func(*http.Request) (*url.URL, error) { return nil, nil }
	for name, tt := range map[string]struct {
		proxy   doctor.ProxyFunc
		noProxy string
		want    string
	}{
		"none":              {none, "", "ok | none is set | "},
		"none, excepted":    {none, "localhost", "ok | none is set | "},
		"for all":           {to("proxy.example.org:3128"), "localhost,127.0.0.1", "ok | auth.example.org through proxy.example.org:3128, api.example.org through"},
		"without exception": {to("proxy.example.org:3128"), "", "127.0.0.1 directly by dss, but perhaps not by other programs | Add localhost,127.0.0.1,::1"},
		"only the name":     {to("proxy.example.org:3128"), "localhost", "warning"},
		"only the address":  {to("proxy.example.org:3128"), "127.0.0.1", "warning"},
		"by network":        {to("proxy.example.org:3128"), " LOCALHOST , 127.0.0.0/8", "ok"},
		"everything":        {to("proxy.example.org:3128"), "*", "ok"},
		"not the server":    {only("api.example.org"), "localhost,127.0.0.1", "ok | auth.example.org directly, api.example.org through proxy.example.org:3128, 127.0.0.1 directly | "},
		"for others":        {only("example.com"), "", "warning | auth.example.org directly, api.example.org directly"},
		"hostile host":      {to("x\x1b[2J:1"), "*", "through x[2J:1"},
	} {
		f := doctor.CheckProxy(tt.proxy, noProxy(tt.noProxy), "https://auth.example.org", "https://api.example.org/2.3")
		if got := line(f); !strings.Contains(got, tt.want) || strings.Contains(got, "hunter2") {
			t.Errorf("%s: %s", name, got)
		}
	}
	f := doctor.CheckProxy(to("proxy.example.org:3128"), noProxy("*"), "http://localhost:8080")
	if !strings.Contains(f.Detail, "localhost:8080 directly") {
		t.Errorf("a server on this machine: %+v", f)
	}
}

func noProxy(value string) func(string) string {
	return func(name string) string {
		if name == "NO_PROXY" {
			return value
		}
		return ""
	}
}

// TestNotAProxy: Go ignores what is no URL, and other programs may not.
func TestNotAProxy(t *testing.T) {
	for value, good := range map[string]bool{
		"": true, "proxy.example.org:3128": true, "http://me:hunter2@proxy.example.org:3128": true, "socks5://127.0.0.1:1080": true,
		"http://me:hunter2@%zz": false, "http://me:hunter2@:x y": false, "http://hunter2@": false, "http://": false, "hunter2 x": false,
	} {
		for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
			f := doctor.CheckProxy(http.ProxyFromEnvironment, func(asked string) string {
				if asked == name {
					return value
				}
				return ""
			}, "http://localhost:8080")
			if (f.Status == doctor.OK) != good || strings.Contains(line(f), "hunter2") {
				t.Errorf("%s=%s: %s", name, value, line(f))
			}
		}
	}
}

func TestCheckBrowser(t *testing.T) {
	desktop := browser.Place{Command: "xdg-open", Installed: true, Display: true}
	for _, tt := range []struct {
		change func(*browser.Place)
		want   string
	}{
		{func(*browser.Place) {}, "ok | xdg-open opens it | "},
		{func(p *browser.Place) { p.Container = true }, "warning | this is a container"},
		{func(p *browser.Place) { p.Remote, p.Display = true, false }, "warning | this is an SSH session without a display | Over SSH, use --flow device"},
		{func(p *browser.Place) { p.Installed = false }, "warning | xdg-open, which opens browsers, is not installed | Install xdg-utils"},
		{func(p *browser.Place) { p.Installed, p.WSL = false, true }, "warning | xdg-open is not installed in this WSL | Install wslu"},
		{func(p *browser.Place) { p.Display = false }, "warning | there is no display"},
	} {
		place := desktop
		tt.change(&place)
		if got := line(doctor.CheckBrowser(place, true, true)); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%+v: %s", place, got)
		}
		alone := doctor.CheckBrowser(place, true, false)
		if (alone.Status == doctor.Warning) != (place.Container || place.Remote) {
			t.Errorf("%+v, opened by hand: %s", place, line(alone))
		}
		if f := doctor.CheckBrowser(place, false, false); f.Status == doctor.Warning || f.Change != "" {
			t.Errorf("%+v, without need: %s", place, line(f))
		}
	}
}

func TestCheckLoopback(t *testing.T) {
	other := httptestPage(t, "another page")
	no := func(refused string) func(string, string) (net.Listener, error) {
		return func(network, address string) (net.Listener, error) {
			if strings.Contains(address, refused) {
				return nil, errors.New("operation not permitted")
			}
			return net.Listen(network, address)
		}
	}
	elsewhere := &http.Client{Transport: &http.Transport{Proxy: nil, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", other)
	}}}
	for name, tt := range map[string]struct {
		client *http.Client
		listen func(string, string) (net.Listener, error)
		needed bool
		want   string
	}{
		"good":               {nil, net.Listen, true, "ok | requests reach a listener at 127.0.0.1"},
		"no IPv6":            {nil, no("::1"), true, "ok | requests reach a listener at 127.0.0.1, which is enough"},
		"none":               {nil, no("127.0.0.1"), true, "problem | no request reaches a listener at 127.0.0.1: operation not permitted | Let programs listen"},
		"none, without need": {nil, no("127.0.0.1"), false, "info |"},
		"intercepted":        {elsewhere, net.Listen, true, "problem | no request reaches a listener at 127.0.0.1: something else answers: 127.0.0.1:"},
	} {
		f := doctor.CheckLoopback(t.Context(), fetch.New(tt.client), tt.listen, tt.needed)
		if !strings.HasPrefix(line(f), tt.want) {
			t.Errorf("%s: %s", name, line(f))
		}
	}
}

func TestFindKeyStore(t *testing.T) {
	runtime, data := t.TempDir(), t.TempDir()
	env := map[string]string{"XDG_RUNTIME_DIR": runtime, "XDG_DATA_DIRS": "/none:" + data}
	find := func(system string) doctor.Finding {
		return doctor.FindKeyStore(system, func(name string) string { return env[name] })
	}
	for _, tt := range []struct {
		prepare func() error
		want    string
	}{
		{func() error { return nil }, "there is no session bus"},
		{func() error { return listenUnix(t, filepath.Join(runtime, "bus")) }, "no Secret Service starts"},
		{func() error {
			services := filepath.Join(data, "dbus-1/services")
			if err := os.MkdirAll(services, 0o700); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(services, "org.freedesktop.secrets.service"), nil, 0o600)
		}, "apps can use the Secret Service"},
		{func() error { env["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/none/bus,guid=1"; return nil }, "there is no session bus"},
		{func() error {
			env["DBUS_SESSION_BUS_ADDRESS"] = "tcp:host=x;unix:path=" + filepath.Join(runtime, "bus") + ",guid=1"
			return nil
		}, "apps can use the Secret Service"},
	} {
		if err := tt.prepare(); err != nil {
			t.Fatal(err)
		}
		if f := find("linux"); f.Status != doctor.Info || !strings.HasPrefix(f.Detail, tt.want) {
			t.Errorf("%+v, want %s", f, tt.want)
		}
	}
	for system, want := range map[string]string{"darwin": "Keychain", "windows": "Credential Manager"} {
		if f := find(system); f.Status != doctor.Info || !strings.Contains(f.Detail, want) {
			t.Errorf("%s: %+v", system, f)
		}
	}
}

func listenUnix(t *testing.T, path string) error {
	listener, err := net.Listen("unix", path)
	if err == nil {
		t.Cleanup(func() { listener.Close() })
	}
	return err
}
