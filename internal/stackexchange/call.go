package stackexchange

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/relay"
)

const userAgent = "dss (+https://github.com/desktop-stack-serv/dss)"

// call is one request to be sent.
type call struct {
	method  string
	url     *url.URL
	form    url.Values
	bearer  relay.Secret
	pause   *pause         // nil: of an endpoint that knows no backoff
	secrets []relay.Secret // all that is sent and must not come back in an error
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

// do sends l when there is a slot for it. Every error wraps ErrUnavailable.
func (c *Client) do(ctx context.Context, l call) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if l.pause.active() {
		return answer{}, errPaused
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return answer{}, failure(ctx, ctx.Err(), nil)
	}
	if l.pause.active() { // since the wait for the slot
		return answer{}, errPaused
	}
	return c.send(ctx, l)
}

func (c *Client) send(ctx context.Context, l call) (answer, error) {
	request, err := l.request(ctx)
	if err != nil {
		return answer{}, failure(ctx, err, l.secrets)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, failure(ctx, err, l.secrets)
	}
	defer response.Body.Close()
	a, err := read(response)
	if err != nil {
		return answer{}, failure(ctx, err, l.secrets)
	}
	l.pause.extend(a.fields["backoff"])
	return a, nil
}
