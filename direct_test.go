package dss_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
)

// elsewhere is a Stack Exchange that no server of these tests uses.
const elsewhere = "https://elsewhere.example"

// announcing is a server that says so of direct redemption. It answers as redeem
// does, at whichever place is asked for a token, and notes the requests.
type announcing struct {
	*testing.T
	members string // of the metadata, after the issuer
	redeem  reply
	asked   []string
	forms   []url.Values
}

// RoundTrip implements [http.RoundTripper].
func (a *announcing) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == api.PathMetadata {
		return metadata(fmt.Sprintf(`"issuer":%q%s`, issuer, a.members))(r)
	}
	a.asked = append(a.asked, r.URL.String())
	a.forms = append(a.forms, readForm(a.T, r))
	return a.redeem(r)
}

// signIn has the browser come back with a code, and returns what it asked for.
func (a *announcing) signIn(t *testing.T, config dss.Config, changes ...string) (asked url.Values, token *dss.Token, err error) {
	t.Helper()
	config.Server, config.ClientID, config.Flow = issuer, clientID, dss.FlowLoopback
	config.HTTPClient = &http.Client{Transport: a}
	way, client := newPipes(), newClient(t, config)
	client.SetListen(way.listen)
	signIn, err := client.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer signIn.Close()
	address, err := url.Parse(signIn.URL)
	if err != nil {
		t.Fatal(err)
	}
	app := &app{signIn: signIn, asked: address.Query(), redirectURI: address.Query().Get("redirect_uri"), pipes: way}
	app.visit(t, http.MethodGet, "/", app.response(changes...))
	token, err = signIn.Wait(t.Context())
	return app.asked, token, err
}

const direct = `,"dss_redeem_values_supported":["direct"],"dss_stackexchange":"https://stackoverflow.com"`

// TestDirectRedemption is asked for where the server has it for the Stack Exchange
// that is configured, and goes there and nowhere else.
func TestDirectRedemption(t *testing.T) {
	const atServer = issuer + api.PathOAuthToken
	redeem := func(at string) string { return at + "/oauth/access_token/json" }
	for name, tt := range map[string]struct {
		members       string
		stackExchange string
		want          string
	}{
		"announced":            {direct, "", redeem("https://stackoverflow.com")},
		"configured":           {direct, "https://STACKOVERFLOW.com:443/", redeem("https://stackoverflow.com")},
		"with another value":   {`,"dss_redeem_values_supported":["new","direct"],"dss_stackexchange":"https://stackoverflow.com"`, "", redeem("https://stackoverflow.com")},
		"Stack Internal":       {`,"dss_redeem_values_supported":["direct"],"dss_stackexchange":"https://se.example/dev"`, "https://se.example/dev", redeem("https://se.example/dev")},
		"not announced":        {"", "", atServer},
		"another value":        {`,"dss_redeem_values_supported":["new"],"dss_stackexchange":"https://stackoverflow.com"`, "", atServer},
		"no place":             {`,"dss_redeem_values_supported":["direct"]`, "", atServer},
		"Stack Internal there": {`,"dss_redeem_values_supported":["direct"],"dss_stackexchange":"https://se.example"`, "", atServer},
		"Stack Internal here":  {direct, "https://se.example", atServer},
		"another path":         {`,"dss_redeem_values_supported":["direct"],"dss_stackexchange":"https://se.example/a"`, "https://se.example", atServer},
		"an attacker's place":  {`,"dss_redeem_values_supported":["direct"],"dss_stackexchange":"https://evil.example"`, "", atServer},
		"an attacker's sandbox": {
			`,"dss_redeem_values_supported":["direct"],"dss_stackexchange":"https://evil.example","dss_sandbox":"https://evil.example"`, "", atServer,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &announcing{T: t, members: tt.members, redeem: redeemed}
				asked, token, err := a.signIn(t, dss.Config{StackExchange: tt.stackExchange})
				if err != nil || token.AccessToken.Reveal() != "T" {
					t.Fatalf("%v, %v", token, err)
				}
				if !slices.Equal(a.asked, []string{tt.want}) {
					t.Fatalf("redeemed at %v, want %s", a.asked, tt.want)
				}
				isDirect := tt.want != atServer
				if (asked.Get("dss_redeem") == api.RedeemDirect) != isDirect || asked.Has("dss_redeem") != isDirect {
					t.Errorf("asked for %v", asked)
				}
				want := url.Values{
					"client_id": {clientID}, "code": {"C(1)"}, "redirect_uri": {issuer + api.PathCallback},
					"code_verifier": a.forms[0]["code_verifier"],
				}
				if isDirect && !maps.EqualFunc(a.forms[0], want, slices.Equal[[]string]) {
					t.Errorf("redeemed with\n%v, want\n%v", a.forms[0], want)
				}
			})
		})
	}
}

// many requests are made until the sign-in expires.
const many = -1

// TestDirectErrors are those of a redemption by the server.
func TestDirectErrors(t *testing.T) {
	stale := says(http.StatusBadRequest, `{"error":{"type":"invalid_request","message":"the code is unknown"}}`)
	for name, tt := range map[string]struct {
		redeem  reply
		changes []string
		want    error
		asked   int // for a token
	}{
		"denied":               {redeemed, []string{"code", "", "error", "access_denied"}, dss.ErrAccessDenied, 0},
		"another server":       {redeemed, []string{"iss", "https://evil.example"}, dss.ErrWrongServer, 0},
		"unreachable":          {refused, nil, dss.ErrUnreachable, many},
		"lost":                 {fails(io.EOF), nil, dss.ErrAnswerLost, 3},
		"lost, then not known": {inTurn(cut, stale), nil, dss.ErrAnswerLost, 2},
		"throttled":            {inTurn(busy(429, "5"), redeemed), nil, nil, 2},
		"busy":                 {inTurn(busy(503, "5"), redeemed), nil, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &announcing{T: t, members: direct, redeem: tt.redeem}
				_, _, err := a.signIn(t, dss.Config{}, tt.changes...)
				if !errors.Is(err, tt.want) {
					t.Errorf("%v, want %v", err, tt.want)
				}
				if n := len(a.asked); n != tt.asked && (tt.asked != many || n < 50) {
					t.Errorf("asked %d times, want %d", n, tt.asked)
				}
			})
		})
	}
	for name, tt := range map[string]struct {
		redeem reply
		code   string
		want   dss.Error
	}{
		"refused":        {stale, "a-code-that-is-stale", dss.Error{Status: 400, Name: api.InvalidRequest, Message: "the code is unknown"}},
		"malformed code": {redeemed, "a b", dss.Error{Status: 400, Message: "the answer has a malformed code"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := &announcing{T: t, members: direct, redeem: tt.redeem}
			_, _, err := a.signIn(t, dss.Config{}, "code", tt.code)
			if answer, ok := errors.AsType[*dss.Error](err); !ok || *answer != tt.want {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// inTurn gives one reply, then another for good.
func inTurn(first, then reply) reply {
	return func(r *http.Request) (*http.Response, error) {
		now := first
		first = then
		return now(r)
	}
}

// TestDirectRedemptionSurvivesASilence of Stack Exchange, until the sign-in ends.
func TestDirectRedemptionSurvivesASilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		a := &announcing{T: t, members: direct}
		a.redeem = func(r *http.Request) (*http.Response, error) {
			if time.Since(started) < 10*time.Minute {
				return refused(r)
			}
			return redeemed(r)
		}
		if _, token, err := a.signIn(t, dss.Config{}); err != nil || token.Expires.IsZero() {
			t.Errorf("%v, %v", token, err)
		}
	})
}

// TestServerNeverHasTheToken of a client with the default configuration.
func TestServerNeverHasTheToken(t *testing.T) {
	s := serve(t)
	w := watched{t, map[string]int{}}
	client := s.client(t, dss.Config{Flow: dss.FlowLoopback, Prompt: approve, HTTPClient: &http.Client{Transport: w}})
	if _, err := client.SignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.requests["POST "+api.PathOAuthToken] != 0 || w.requests["POST /sandbox/oauth/access_token/json"] != 1 {
		t.Errorf("%v", w.requests)
	}
}
