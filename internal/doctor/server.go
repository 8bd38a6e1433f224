package doctor

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/fetch"
	"github.com/desktop-stack-serv/dss/internal/origin"
)

// answerTime bounds a request and its answer. A person waits for it.
const answerTime = 15 * time.Second

// probe is a request for a server's metadata (RFC 8414 section 3), and its answer.
type probe struct {
	server   *url.URL
	sent     time.Time
	received time.Time
	tls      atomic.Pointer[tls.ConnectionState] // nil without TLS
	answer   *fetch.Answer
	err      error
	metadata api.Metadata
}

// CheckServer asks a server for its metadata, once, and returns what there is to say
// of the server, and, if it is a DSS server, of the metadata and the clocks. The
// error is the cause of the end of ctx.
func CheckServer(ctx context.Context, client *fetch.Client, server *url.URL) ([]Finding, error) {
	p := &probe{server: server}
	if err := p.ask(ctx, client); err != nil {
		return nil, err
	}
	found := p.judge()
	if found.Status == Problem || p.answer.Status != http.StatusOK {
		return []Finding{found}, nil
	}
	return []Finding{found, p.checkMetadata(), p.checkClocks()}, nil
}

func (p *probe) ask(ctx context.Context, client *fetch.Client) error {
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeDone: func(state tls.ConnectionState, _ error) { p.tls.Store(&state) },
	})
	address := p.server.JoinPath(api.PathMetadata).String()
	request, err := http.NewRequestWithContext(traced, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	p.sent = time.Now()
	p.answer, p.err = client.Do(request, answerTime)
	p.received = time.Now()
	return context.Cause(ctx)
}

// judge says whether there is a DSS server, and how it is reached.
func (p *probe) judge() Finding {
	a := p.answer
	switch {
	case p.err != nil:
		return p.unreachable(p.err.Error(), adviceFor(p.err))
	case a.Location != nil:
		return p.redirected()
	case a.Status == http.StatusTooManyRequests:
		detail := p.server.Host + " has had too many requests from here, so nothing else is known of it"
		return Finding{Check: Server, Status: Warning, Detail: detail, Change: "Wait for some minutes and try again."}
	case a.Status == http.StatusMisdirectedRequest:
		return p.notDSS("Set --server to the server's public URL: it does not serve the name " + p.server.Hostname() + ".")
	case a.Status >= http.StatusInternalServerError:
		return p.unreachable(a.String(), "Try again in some minutes, or ask whoever runs the server.")
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		return p.notDSS("Have whatever is in front of the server, such as a firewall, let requests through.")
	case a.Status != http.StatusOK, json.Unmarshal(a.Body, &p.metadata) != nil:
		return p.notDSS("Correct --server; or, if a network's login page or a proxy answers instead, log in there first.")
	}
	if _, err := origin.Parse(p.metadata.Issuer); err != nil {
		return p.notDSS("Correct --server: something that is not DSS answers there.")
	}
	return p.reached()
}

func (p *probe) unreachable(detail, change string) Finding {
	return Finding{
		Check: Server, Status: Problem, Detail: p.server.String() + " cannot be used: " + detail, Change: change,
		Err: dss.ErrUnreachable,
	}
}

func (p *probe) notDSS(change string) Finding {
	return p.unreachable("there is no DSS server, as "+p.answer.String(), change)
}

func (p *probe) redirected() Finding {
	base, found := strings.CutSuffix(p.answer.Location.Path, api.PathMetadata)
	if !found {
		return p.notDSS("Correct --server; or, if a network's login page answers instead, log in there first.")
	}
	address := url.URL{Scheme: p.answer.Location.Scheme, Host: p.answer.Location.Host, Path: base}
	if address.String() == p.server.String() {
		return p.notDSS("Have whoever runs the server end this redirect, which leads to itself.")
	}
	target := short(address.String())
	return Finding{
		Check: Server, Status: Problem, Detail: p.server.String() + " redirects to " + target,
		Change: "Set --server to " + target + " if that is the server you mean.",
	}
}

// soon is how long before its end a certificate is worth a warning. Authorities'
// shortest ones live for six days.
const soon = 2 * 24 * time.Hour

func (p *probe) reached() Finding {
	f := Finding{Check: Server, Status: OK, Detail: p.server.String() + " is a DSS server"}
	state := p.tls.Load()
	if state == nil || len(state.PeerCertificates) == 0 {
		f.Detail += ", reached without TLS on this machine"
		return f
	}
	end := state.PeerCertificates[0].NotAfter
	f.Detail += fmt.Sprintf(", reached over %s; its certificate is good until %s",
		tls.VersionName(state.Version), end.UTC().Format(time.DateOnly))
	if time.Until(end) < soon {
		f.Status, f.Change = Warning, "Have whoever runs the server renew the certificate."
	}
	return f
}

// adviceFor says what to do about a request without an answer.
func adviceFor(err error) string {
	if dialling, ok := errors.AsType[*net.OpError](err); ok && dialling.Op == "proxyconnect" {
		return "Correct the proxy in HTTPS_PROXY, or add the server to NO_PROXY."
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "Correct the name in --server, or this machine's name servers."
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "Set --server to a name that the certificate has, or have whoever runs the server get one for this name."
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return "Set this machine's clock; if it is right, have whoever runs the server renew the certificate."
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "Have the server send its whole chain of certificates; or, if a proxy of your network opens TLS, " +
			"install that proxy's authority on this machine."
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return "Correct the port in --server, or have the server speak TLS there."
	}
	return "Start the server, or correct host and port in --server; then look at proxy, firewall and VPN."
}

// checkMetadata compares the names in the metadata with the server's (RFC 8414
// section 3.3 wants the issuer to be the same).
func (p *probe) checkMetadata() Finding {
	m := p.metadata
	if m.Issuer != p.server.String() {
		return Finding{
			Check: Metadata, Status: Problem,
			Detail: fmt.Sprintf("the server at %s calls itself %s", p.server, short(m.Issuer)),
			Change: "Set --server to " + short(m.Issuer) + " if that is the server you mean; apps have to use it too.",
			Err:    dss.ErrWrongServer,
		}
	}
	for _, endpoint := range []struct{ name, url, path string }{
		{"authorization_endpoint", m.AuthorizationEndpoint, api.PathAuthorize},
		{"token_endpoint", m.TokenEndpoint, api.PathOAuthToken},
		{"device_authorization_endpoint", m.DeviceAuthorizationEndpoint, api.PathDeviceAuthorization},
		{"revocation_endpoint", m.RevocationEndpoint, api.PathRevoke},
	} {
		if want := m.Issuer + endpoint.path; endpoint.url != want {
			return Finding{
				Check: Metadata, Status: Problem,
				Detail: fmt.Sprintf("its %s is %s instead of %s", endpoint.name, cmp.Or(short(endpoint.url), "missing"), want),
				Change: "Correct --server if that is another OAuth server; otherwise have proxies leave its answers alone.",
			}
		}
	}
	return Finding{Check: Metadata, Status: OK, Detail: "issuer and endpoints are the server's own"}
}

// Differences of clocks that are worth a warning, and a problem. Certificates and
// the ends of tokens are judged by this machine's clock; minutes make no difference
// to them.
const (
	clockWarning = 30 * time.Second
	clockProblem = 5 * time.Minute
)

// checkClocks compares this machine's clock with the Date of the answer, a whole
// second at some time between request and answer, or earlier by its Age (RFC 9111
// section 5.1).
func (p *probe) checkClocks() Finding {
	date, err := http.ParseTime(p.answer.Header.Get("Date"))
	if err != nil {
		return Finding{Check: Clocks, Status: Info, Detail: "the server does not say what time it is"}
	}
	age, _ := strconv.ParseUint(p.answer.Header.Get("Age"), 10, 31)
	date = date.Add(time.Duration(age) * time.Second)
	least, most := date.Sub(p.received), date.Add(time.Second).Sub(p.sent)
	apart, which := time.Duration(0), ""
	switch {
	case least > 0:
		apart, which = least, "behind"
	case most < 0:
		apart, which = -most, "ahead of"
	}
	if apart <= clockWarning {
		return Finding{Check: Clocks, Status: OK, Detail: "this machine's clock and the server's agree"}
	}
	f := Finding{
		Check: Clocks, Status: Warning,
		Detail: fmt.Sprintf("this machine's clock is %s the server's by %v", which, apart.Round(time.Second)),
		Change: "Let NTP set this machine's clock; if it is right, tell whoever runs the server.",
	}
	if apart > clockProblem {
		f.Status = Problem
	}
	return f
}
