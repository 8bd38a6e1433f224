package stackexchange

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

// UserAgent is what DSS calls itself at Stack Exchange.
const UserAgent = "dss (+https://github.com/desktop-stack-serv/dss)"

// call is one request to be sent.
type call struct {
	method  string
	url     *url.URL
	form    url.Values
	bearer  secret.Text
	private bool          // it goes to an API other than the public one
	secrets []secret.Text // all that is sent and must not come back in an error
}

func (l call) request(ctx context.Context) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, l.method, l.url.String(), strings.NewReader(l.form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", UserAgent)
	if l.form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if !l.bearer.IsZero() {
		r.Header.Set("Authorization", "Bearer "+l.bearer.Reveal())
		if l.private {
			r.Header.Set("X-API-Access-Token", l.bearer.Reveal()) // where Stack Internal's version 2.3 reads it
		}
	}
	return r, nil
}

// judge returns the error in an answer, and whether Stack Exchange refused the
// code or does not know the token.
type judge func(answer) (refused bool, err error)

// do makes a call of a method when its turn has come, and has judge read the
// answer. Errors are those of judge, wrap [ErrUnavailable], or are those of
// Allow.
func (c *Client) do(ctx context.Context, method Method, l call, judge judge) (err error) {
	if err := c.config.Allow(ctx, method); err != nil {
		return err
	}
	var a answer
	started := time.Now()
	defer func() { c.observed(method, started, a, err) }()
	if err := c.pauses[method].check(); err != nil {
		return err
	}
	if err := c.enter(ctx); err != nil {
		return err
	}
	defer c.gate.leave()
	if err := cmp.Or(c.pauses[method].check(), c.config.Allow(ctx, method)); err != nil { // since the wait
		return err
	}
	if a, err = c.send(ctx, l, c.config.Timeout-time.Since(started), c.pauses[method]); err != nil {
		return err
	}
	refused, err := judge(a)
	if refused {
		c.config.Refused(ctx, method)
	}
	return err
}

// enter waits until a call may begin.
func (c *Client) enter(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	return c.gate.enter(ctx, c.config.Caller(ctx))
}

func (c *Client) send(ctx context.Context, l call, limit time.Duration, p *pause) (answer, error) {
	request, err := l.request(httptrace.WithClientTrace(ctx, c.repeats(ctx)))
	if err != nil {
		return answer{}, failure(ctx, err)
	}
	got, err := c.fetch.Do(request, limit, l.secrets...)
	if err != nil {
		return answer{}, failure(ctx, err)
	}
	a := newAnswer(got)
	p.extend(a.pause)
	return a, nil
}

// repeats makes requests that net/http sends again, because an idle connection
// was broken, wait for the rate as others do.
func (c *Client) repeats(ctx context.Context) *httptrace.ClientTrace {
	first := true // an attempt begins when the one before is over
	return &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		if !first {
			c.gate.again(ctx)
		}
		first = false
	}}
}
