package stackexchange_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/test/outage"
)

// The example of RFC 7636 appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

const (
	redirectURI = "https://login.example.com/auth/redirect"
	canaryCode  = "canaryCODE(x*1))"
	canaryToken = "canaryTOKEN(x*2))"
)

func mustParse(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// upstream is a sandbox behind a real socket, and a client of it.
type upstream struct {
	*stackexchange.Client
	sandbox *outage.Sandbox
	origin  string
}

func newUpstream(t *testing.T) upstream {
	t.Helper()
	s := outage.New()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return upstream{clientOf(t, server.URL, nil), s, server.URL}
}

func clientOf(t testing.TB, origin string, transport http.RoundTripper) *stackexchange.Client {
	t.Helper()
	return stackexchange.New(stackexchange.Config{
		BaseURL: mustParse(t, origin+"/sandbox"), APIURL: mustParse(t, origin+"/sandbox/2.3"), Transport: transport,
	})
}

// code has a user approve what AuthorizeURL asks for.
func (u upstream) code(t *testing.T, scope string) secret.Text {
	t.Helper()
	target := u.AuthorizeURL(stackexchange.Authorization{
		ClientID: "7", Scope: scope, RedirectURI: redirectURI, State: "st", CodeChallenge: challenge,
	})
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := browser.Get(target + "&sandbox_decision=approve")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	location, err := response.Location()
	if err != nil {
		t.Fatalf("status %d: %v", response.StatusCode, err)
	}
	return secret.New(location.Query().Get("code"))
}

func redemption(code secret.Text) stackexchange.Redemption {
	return stackexchange.Redemption{ClientID: "7", RedirectURI: redirectURI, Code: code, Verifier: secret.New(verifier)}
}

func (u upstream) token(t *testing.T) secret.Text {
	t.Helper()
	token, err := u.Redeem(t.Context(), redemption(u.code(t, "")))
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken
}

// accepts reports whether the API takes token.
func (u upstream) accepts(t *testing.T, token secret.Text) bool {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.origin+"/sandbox/2.3/me?site=stackoverflow", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token.Reveal())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		ErrorID int `json:"error_id"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer.ErrorID == 0
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func response(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// scripted returns a client for which every answer is the same.
func scripted(t testing.TB, status int, body string) *stackexchange.Client {
	t.Helper()
	return clientOf(t, "http://upstream.invalid", roundTrip(func(*http.Request) (*http.Response, error) {
		return response(status, body), nil
	}))
}

// methods are the two calls, each with canaries for secrets.
var methods = map[string]func(context.Context, *stackexchange.Client) error{
	"redeem": func(ctx context.Context, c *stackexchange.Client) error {
		_, err := c.Redeem(ctx, redemption(secret.New(canaryCode)))
		return err
	},
	"invalidate": func(ctx context.Context, c *stackexchange.Client) error {
		_, err := c.Invalidate(ctx, secret.New(canaryToken))
		return err
	},
}

// checkSilent fails if any text of err, or of what it wraps, has a secret.
func checkSilent(t testing.TB, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		text := strings.ToLower(fmt.Sprintf("%v %+v %#v", err, err, err))
		for _, secret := range []string{canaryCode, canaryToken, verifier} {
			for _, form := range []string{secret, url.QueryEscape(secret)} {
				if strings.Contains(text, strings.ToLower(form)) {
					t.Errorf("the error has the secret %s: %s", secret, text)
				}
			}
		}
	}
}

func checkUnavailable(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, stackexchange.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
	checkSilent(t, err)
}

func checkRefused(t testing.TB, err error) *stackexchange.RefusedError {
	t.Helper()
	refused, ok := errors.AsType[*stackexchange.RefusedError](err)
	if !ok {
		t.Fatalf("error %v, want a RefusedError", err)
	}
	checkSilent(t, err)
	return refused
}
