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

const userAgent = "dss (+https://github.com/desktop-stack-serv/dss)"

// call is one request to be sent.
type call struct {
	method  string
	url     *url.URL
	form    url.Values
	bearer  secret.Text
	secrets []secret.Text // all that is sent and must not come back in an error
}

func (l call) request(ctx context.Context) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, l.method, l.url.String(), strings.NewReader(l.form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	// Asked for by name, so that no transport unpacks it behind our back.
	r.Header.Set("Accept-Encoding", "gzip")
	r.Header.Set("User-Agent", userAgent)
	if l.form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if !l.bearer.IsZero() {
		r.Header.Set("Authorization", "Bearer "+l.bearer.Reveal())
	}
	return r, nil
}

// do makes a call of a method, when its turn has come. What judge makes of
// the answer is its outcome. Errors are those of judge, wrap [ErrUnavailable], or
// are Admit's.
func (c *Client) do(ctx context.Context, method Method, l call, judge func(answer) (vain bool, err error)) (err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if err := c.config.Admit(ctx, method); err != nil {
		return err
	}
	var a answer
	defer func(started time.Time) { c.observed(method, started, a, err) }(time.Now())
	if err := c.pauses[method].check(); err != nil {
		return err
	}
	if err := c.gate.enter(ctx, c.config.Caller(ctx)); err != nil {
		return err
	}
	defer c.gate.leave()
	if err := cmp.Or(c.pauses[method].check(), c.config.Admit(ctx, method)); err != nil { // since the wait
		return err
	}
	if a, err = c.send(ctx, l, c.pauses[method]); err != nil {
		return err
	}
	vain, err := judge(a)
	if vain {
		c.config.InVain(ctx, method)
	}
	return err
}

func (c *Client) send(ctx context.Context, l call, p *pause) (answer, error) {
	request, err := l.request(httptrace.WithClientTrace(ctx, c.repeats(ctx)))
	if err != nil {
		return answer{}, failure(ctx, err, l.secrets)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, failure(ctx, err, l.secrets)
	}
	defer response.Body.Close()
	p.extend(retryAfter(response))
	a, err := read(response)
	if err != nil {
		return answer{}, failure(ctx, err, l.secrets)
	}
	p.extend(backoff(a.fields["backoff"]))
	return a, nil
}

// repeats has requests that net/http sends again, because a connection that it
// had kept is broken, wait for the rate as others do.
func (c *Client) repeats(ctx context.Context) *httptrace.ClientTrace {
	first := true // an attempt begins when the one before is over
	return &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		if !first {
			c.gate.again(ctx)
		}
		first = false
	}}
}
