package doctor

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

// ProxyFunc returns the proxy for a request, as [http.ProxyFromEnvironment] does.
type ProxyFunc func(*http.Request) (*url.URL, error)

// CheckProxy says which of the addresses, which are URLs, are reached through a
// proxy.
//
// DSS's own programs send nothing for this machine to a proxy, whatever the settings
// are. Others do, unless NO_PROXY says otherwise: curl, and many libraries.
func CheckProxy(proxy ProxyFunc, env func(string) string, addresses ...string) Finding {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		if !isProxy(env(name)) {
			return Finding{
				Check: Proxy, Status: Problem, Detail: name + " is not the URL of a proxy",
				Change: "Set it to a URL such as http://proxy.example.org:3128, or unset it.",
			}
		}
	}
	var ways []string
	proxied := anyProxy(proxy)
	for _, text := range addresses {
		address, err := origin.Parse(text)
		if err != nil {
			continue
		}
		through, err := proxy(&http.Request{URL: address})
		if err != nil || through == nil || origin.IsLoopback(address.Hostname()) {
			ways = append(ways, address.Host+" directly")
		} else {
			ways, proxied = append(ways, address.Host+" through "+short(through.Host)), true
		}
	}
	if !proxied {
		return Finding{Check: Proxy, Status: OK, Detail: "none is set"}
	}
	f := Finding{Check: Proxy, Status: OK, Detail: strings.Join(ways, ", ") + ", 127.0.0.1 directly"}
	if !exceptsLoopback(env("NO_PROXY") + "," + env("no_proxy")) {
		f.Status = Warning
		f.Detail += " by dss, but perhaps not by other programs"
		f.Change = "Add localhost,127.0.0.1,::1 to NO_PROXY, or apps may send what is for this machine to the proxy."
	}
	return f
}

// isProxy reports whether the value of a variable names a proxy, with or without
// http://, or is empty. Go ignores others.
func isProxy(value string) bool {
	if value == "" {
		return true
	}
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	if err != nil {
		return false
	}
	_, err = origin.Host("http", u.Host)
	return err == nil
}

// anyProxy reports whether a proxy is set for some host.
func anyProxy(proxy ProxyFunc) bool {
	for _, scheme := range []string{"http", "https"} {
		through, err := proxy(&http.Request{URL: &url.URL{Scheme: scheme, Host: "example.com"}})
		if err == nil && through != nil {
			return true
		}
	}
	return false
}

// exceptsLoopback reports whether NO_PROXY has localhost and 127.0.0.1, by name, by
// a network, or with everything else.
func exceptsLoopback(noProxy string) bool {
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	name, address := false, false
	for entry := range strings.SplitSeq(noProxy, ",") {
		entry = strings.ToLower(strings.TrimSpace(entry))
		network, err := netip.ParsePrefix(entry)
		switch {
		case entry == "*":
			return true
		case entry == loopback.String(), err == nil && network.Contains(loopback):
			address = true
		case origin.IsLoopback(entry):
			name = true
		}
	}
	return name && address
}
