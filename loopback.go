package dss

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// loopback is a listener that waits for the browser to come back (RFC 8252
// section 7.3).
type loopback struct {
	server   *http.Server
	done     chan struct{} // closed when the server has ended
	callback chan url.Values
	state    string
	issuer   string
	base     *url.URL                                    // of the DSS server
	shows    func(ctx context.Context, path string) bool // nil: the server has no pages about results
	serving  sync.RWMutex                                // held for reading while a page is on its way

	entrance string        // an address of the listener that redirects to target
	target   string        // where the user signs in
	came     chan struct{} // closed when a browser has been here
	come     func()
}

// newLoopback returns what is not serving yet.
func newLoopback(issuer, redirectURI string) *loopback {
	l := &loopback{
		done:     make(chan struct{}),
		callback: make(chan url.Values, 1),
		state:    secret.Random().Reveal(),
		issuer:   issuer,
		entrance: redirectURI + secret.Random().Reveal(),
		came:     make(chan struct{}),
	}
	l.come = sync.OnceFunc(func() { close(l.came) })
	l.server = &http.Server{
		Handler:        l,
		ReadTimeout:    10 * time.Second,
		WriteTimeout:   10 * time.Second,
		MaxHeaderBytes: 16 << 10,
	}
	return l
}

// listenFor starts the loopback flow. It expects the issuer of info in the response, or
// the configured server if that is empty. Where the server can, it redeems the code itself.
func (c *Client) listenFor(info serverInfo) (*SignIn, *loopback, error) {
	listener, err := c.listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	verifier := secret.Random()
	redirectURI := "http://" + listener.Addr().String() + "/"
	l := newLoopback(cmp.Or(info.issuer, c.server.String()), redirectURI)
	query := c.codeRequest(verifier)
	query.Set("response_type", "code")
	query.Set("redirect_uri", redirectURI)
	query.Set("state", l.state)
	if len(c.config.Locales) > 0 {
		query.Set("ui_locales", strings.Join(c.config.Locales, " "))
	}
	end := api.EndPrefix + secret.Random().Reveal()
	query.Set("dss_end", secret.S256(secret.New(end)))
	direct := c.directAt(info)
	if direct != nil {
		query.Set("dss_redeem", api.RedeemDirect)
	}
	l.base, l.shows = c.server, c.showsResults(info)
	l.target = c.server.JoinPath(api.PathAuthorize).String() + "?" + query.Encode()
	go func() {
		defer close(l.done)
		_ = l.server.Serve(listener) // until it is closed
	}()
	s := &SignIn{
		Flow: FlowLoopback, URL: l.target, Expires: time.Now().Add(api.DefaultTTL), close: sync.OnceValue(l.close),
	}
	free := s.close
	s.wait = func(ctx context.Context) (*Token, error) {
		defer free()
		response, err := l.wait(ctx)
		if err != nil {
			return nil, err
		}
		if direct != nil {
			return c.redeemDirectly(ctx, direct, response.Get("code"), verifier)
		}
		return c.redeem(ctx, c.posting(api.PathOAuthToken, url.Values{
			"grant_type": {api.GrantAuthorizationCode}, "client_id": {c.config.ClientID}, "code": response["code"],
			"redirect_uri": {redirectURI}, "code_verifier": {verifier.Reveal()},
		}))
	}
	c.endsBy(s, end)
	return s, l, nil
}

// directAt returns the Stack Exchange at which this client redeems the code of a
// loopback sign-in; nil if the server has to. That is the one of its own
// configuration, if the server uses the same; what the server says of itself
// decides only which of the two redeems.
func (c *Client) directAt(info serverInfo) *stackexchange.Client {
	upstream := c.upstreamFor(info)
	if !info.direct || upstream.BaseURL().String() != info.stackExchange {
		return nil
	}
	return upstream
}

// redeemDirectly redeems a code at Stack Exchange, which sent the browser to the
// configured server.
func (c *Client) redeemDirectly(
	ctx context.Context, upstream *stackexchange.Client, text string, verifier secret.Text,
) (*Token, error) {
	code, err := secret.Parse("code", text)
	if err != nil {
		return nil, newError(http.StatusBadRequest, "", "the answer has a malformed code", "")
	}
	return c.redeem(ctx, redemption(upstream, stackexchange.Redemption{
		ClientID: c.config.ClientID, RedirectURI: c.server.JoinPath(api.PathCallback).String(),
		Code: code, Verifier: verifier,
	}))
}

// wait returns the authorization response.
func (l *loopback) wait(ctx context.Context) (url.Values, error) {
	select {
	case response := <-l.callback:
		return l.checked(response)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-l.done:
	}
	select {
	case response := <-l.callback: // it came before the end
		return l.checked(response)
	default:
		return nil, errClosed
	}
}

// checked returns the error in a response. The issuer comes first
// (RFC 9207 section 2.4).
func (l *loopback) checked(response url.Values) (url.Values, error) {
	if response.Get("iss") != l.issuer {
		return nil, fmt.Errorf("%w: %.100q instead of %q", ErrWrongServer, response.Get("iss"), l.issuer)
	}
	switch name := response.Get("error"); name {
	case "":
		return response, nil
	case api.AccessDenied:
		return nil, ErrAccessDenied
	default:
		return nil, newError(http.StatusBadRequest, name, response.Get("error_description"), "")
	}
}

var errClosed = errors.New("dss: the sign-in is closed")

// close waits until the page has been sent to the browser, but not for the
// connections that browsers open in advance, as Shutdown would.
func (l *loopback) close() error {
	l.serving.Lock()
	defer l.serving.Unlock()
	err := l.server.Close()
	<-l.done
	return err
}

// ServeHTTP takes the one response that has the right state, and shows a page.
func (l *loopback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.serving.RLock()
	defer l.serving.RUnlock()
	if r.Method == http.MethodGet && "http://"+r.Host+r.RequestURI == l.entrance {
		l.sendOn(w)
		return
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || r.URL.Path != "/" || r.Method != http.MethodGet || !l.expects(query) {
		http.NotFound(w, r)
		return
	}
	select {
	case l.callback <- query:
	default: // a reload
	}
	l.come()
	l.showResult(w, r, resultOf(query, l.issuer))
	_ = http.NewResponseController(w).Flush() // before close may go on
}

// sendOn sends a browser that has been opened here to where the user signs in.
func (l *loopback) sendOn(w http.ResponseWriter) {
	l.come()
	h := w.Header()
	h.Set("Location", l.target)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
}

// expects checks the state, and that there is one answer.
func (l *loopback) expects(query url.Values) bool {
	for _, name := range []string{"state", "iss", "code", "error"} {
		if len(query[name]) > 1 {
			return false
		}
	}
	return secret.Equal(query.Get("state"), l.state) &&
		(query.Get("code") != "") != (query.Get("error") != "")
}
