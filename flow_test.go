package dss_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/relay"
)

var scopes = []string{"read_inbox", "write_access"}

// checkToken uses the token.
func checkToken(t *testing.T, s server, token *dss.Token, expires bool) {
	t.Helper()
	if status := s.call(t, "inbox", token.AccessToken.Reveal()); status != http.StatusOK {
		t.Errorf("the inbox answers %d", status)
	}
	if !slices.Equal(token.Scopes, scopes) {
		t.Errorf("scopes %q, want %q", token.Scopes, scopes)
	}
	left := time.Until(token.Expires)
	if expires && (left < 23*time.Hour || left > 24*time.Hour) || !expires && !token.Expires.IsZero() {
		t.Errorf("the token ends in %v", left)
	}
}

func TestSignInOverSockets(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config dss.Config
		flow   dss.Flow
	}{
		{"auto", dss.Config{}, dss.FlowLoopback},
		{"loopback", dss.Config{Flow: dss.FlowLoopback}, dss.FlowLoopback},
		{"relay", dss.Config{Flow: dss.FlowRelay}, dss.FlowRelay},
		{"relay with an app id", dss.Config{Flow: dss.FlowRelay, AppID: "my-app"}, dss.FlowRelay},
		{"implicit", dss.Config{Flow: dss.FlowImplicit}, dss.FlowImplicit},
		{"implicit with an app id", dss.Config{Flow: dss.FlowImplicit, AppID: "my-app"}, dss.FlowImplicit},
	} {
		for _, during := range []bool{false, true} {
			t.Run(tt.name+map[bool]string{false: ", user first", true: ", app first"}[during], func(t *testing.T) {
				t.Parallel()
				s := serve(t)
				done := make(chan error, 1)
				config := tt.config
				config.Scopes = scopes
				config.Prompt = func(signIn *dss.SignIn) error {
					if signIn.Flow != tt.flow {
						t.Errorf("flow %q, want %q", signIn.Flow, tt.flow)
					}
					if during {
						go func() { done <- approve(signIn) }()
						return nil
					}
					done <- approve(signIn)
					return nil
				}
				token, err := s.client(t, config).SignIn(t.Context())
				if err := errors.Join(err, <-done); err != nil {
					t.Fatal(err)
				}
				checkToken(t, s, token, tt.flow != dss.FlowImplicit)
			})
		}
	}
}

// TestSignInInSteps runs the flows in which the user is asked to compare
// something, in simulated time.
func TestSignInInSteps(t *testing.T) {
	for _, flow := range []dss.Flow{dss.FlowRelay, dss.FlowImplicit, dss.FlowDevice} {
		t.Run(string(flow), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := simulate(t)
				started := time.Now()
				signIn, err := s.client(t, dss.Config{Flow: flow, Scopes: scopes}).Start(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer signIn.Close()
				checkSignIn(t, s, signIn, started)
				if err := approve(signIn); err != nil {
					t.Fatal(err)
				}
				token, err := signIn.Wait(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				checkToken(t, s, token, flow != dss.FlowImplicit)
				if waited := time.Since(started); flow == dss.FlowDevice && waited != 5*time.Second || flow != dss.FlowDevice && waited != 0 {
					t.Errorf("that took %v", waited)
				}
			})
		})
	}
}

func checkSignIn(t *testing.T, s server, signIn *dss.SignIn, started time.Time) {
	t.Helper()
	if got := signIn.Expires.Sub(started); got != 15*time.Minute {
		t.Errorf("the sign-in expires after %v", got)
	}
	address, err := url.Parse(signIn.URL)
	if err != nil {
		t.Fatal(err)
	}
	if signIn.Flow == dss.FlowDevice {
		if signIn.VerificationURL != s.url+"/device" || signIn.URL != s.url+"/device?user_code="+signIn.UserCode || signIn.MatchCode != "" {
			t.Errorf("the sign-in is %+v", signIn)
		}
		return
	}
	key, err := relay.ParseKey(address.Query().Get("state"), false)
	if err != nil || !key.Bound() {
		t.Fatalf("the key is not a bound one: %v", err)
	}
	if signIn.MatchCode != key.MatchCode() || signIn.UserCode != "" || signIn.VerificationURL != "" {
		t.Errorf("match code %q, want %q", signIn.MatchCode, key.MatchCode())
	}
}

func TestMatchCodeIsThatOfThePage(t *testing.T) {
	client := newClient(t, dss.Config{Server: "https://auth.example.org", ClientID: clientID, Flow: dss.FlowRelay, HTTPClient: from(nothing)})
	for range 1000 {
		signIn, err := client.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		address, err := url.Parse(signIn.URL)
		if err != nil {
			t.Fatal(err)
		}
		key, err := relay.ParseKey(address.Query().Get("state"), false)
		if err != nil {
			t.Fatal(err)
		}
		if signIn.MatchCode != key.MatchCode() {
			t.Fatalf("match code %q, the page shows %q", signIn.MatchCode, key.MatchCode())
		}
	}
}

// TestNoListener takes the device grant where no listener can be opened.
func TestNoListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		refused := errors.New("no listeners here")
		listen := func(string, string) (net.Listener, error) { return nil, refused }
		client := s.client(t, dss.Config{Scopes: scopes, Prompt: func(signIn *dss.SignIn) error {
			if signIn.Flow != dss.FlowDevice || signIn.Reason != dss.ReasonNoListener {
				t.Errorf("flow %q, because of %q", signIn.Flow, signIn.Reason)
			}
			return approve(signIn)
		}})
		client.SetListen(listen)
		token, err := client.SignIn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		checkToken(t, s, token, true)

		client = s.client(t, dss.Config{Flow: dss.FlowLoopback})
		client.SetListen(listen)
		if _, err := client.Start(t.Context()); !errors.Is(err, refused) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestTokenThatNeverExpires(t *testing.T) {
	for _, flow := range []dss.Flow{dss.FlowLoopback, dss.FlowRelay} {
		token, err := serve(t).client(t, dss.Config{Flow: flow, Scopes: []string{"no_expiry"}, Prompt: approve}).SignIn(t.Context())
		if err != nil || !token.Expires.IsZero() {
			t.Errorf("%s: %v, %v", flow, token, err)
		}
	}
}

// TestScopesAreTheCallersOwn changes what was given and what came back.
func TestScopesAreTheCallersOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := slices.Clone(scopes)
		client := simulate(t).client(t, dss.Config{Flow: dss.FlowRelay, Scopes: given, Prompt: approve})
		given[0] = "changed"
		for range 2 {
			token, err := client.SignIn(t.Context())
			if err != nil || !slices.Equal(token.Scopes, scopes) {
				t.Fatalf("%v, %v", token, err)
			}
			token.Scopes[0] = "changed"
		}
	})
}

// TestEnds has users do what ends a sign-in without a token.
func TestEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		flow dss.Flow
		user func(*dss.SignIn) error
		want error
		took time.Duration
	}{
		{"relay denied", dss.FlowRelay, deny, dss.ErrAccessDenied, 0},
		{"relay cancelled", dss.FlowRelay, cancel, dss.ErrAccessDenied, 0},
		{"relay conflict", dss.FlowRelay, twice, dss.ErrConflict, 0},
		{"relay expired", dss.FlowRelay, nobody, dss.ErrExpired, 15 * time.Minute},
		{"implicit denied", dss.FlowImplicit, deny, dss.ErrAccessDenied, 0},
		{"implicit conflict", dss.FlowImplicit, twice, dss.ErrConflict, 0},
		{"implicit expired", dss.FlowImplicit, nobody, dss.ErrExpired, 15 * time.Minute},
		{"device denied", dss.FlowDevice, deny, dss.ErrAccessDenied, 5 * time.Second},
		{"device declined", dss.FlowDevice, cancel, dss.ErrAccessDenied, 5 * time.Second},
		{"device expired", dss.FlowDevice, nobody, dss.ErrExpired, 15 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := simulate(t)
				started := time.Now()
				token, err := s.client(t, dss.Config{Flow: tt.flow, Prompt: tt.user}).SignIn(t.Context())
				if token != nil || !errors.Is(err, tt.want) {
					t.Errorf("%v, %v, want %v", token, err, tt.want)
				}
				if took := time.Since(started); took != tt.took {
					t.Errorf("that took %v, want %v", took, tt.took)
				}
			})
		})
	}
}

func TestLoopbackDenied(t *testing.T) {
	t.Parallel()
	_, err := serve(t).client(t, dss.Config{Flow: dss.FlowLoopback, Prompt: deny}).SignIn(t.Context())
	if !errors.Is(err, dss.ErrAccessDenied) {
		t.Error(err)
	}
}

func TestPromptThatFails(t *testing.T) {
	broken := errors.New("no screen")
	for _, flow := range []dss.Flow{dss.FlowLoopback, dss.FlowRelay} {
		client := newClient(t, dss.Config{
			Server: "https://auth.example.org", ClientID: clientID, Flow: flow, HTTPClient: from(nothing),
			Prompt: func(*dss.SignIn) error { return broken },
		})
		if _, err := client.SignIn(t.Context()); !errors.Is(err, broken) {
			t.Errorf("%s: %v", flow, err)
		}
	}
}

// losing loses the first answer of an endpoint that has an effect.
type losing struct {
	path string
	lost int
}

// RoundTrip implements [http.RoundTripper].
func (l *losing) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && l.lost == 0 && r.URL.Path == l.path && response.StatusCode == http.StatusOK {
		l.lost++
		response.Body.Close()
		return nil, net.ErrClosed
	}
	return response, err
}

// TestLostAnswer claims a bound key again.
func TestLostAnswer(t *testing.T) {
	for _, flow := range []dss.Flow{dss.FlowRelay, dss.FlowImplicit} {
		t.Run(string(flow), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := simulate(t)
				way := &losing{path: api.PathToken}
				started := time.Now()
				token, err := s.client(t, dss.Config{
					Flow: flow, Scopes: scopes, Prompt: approve, HTTPClient: &http.Client{Transport: way},
				}).SignIn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				checkToken(t, s, token, flow == dss.FlowRelay)
				if took := time.Since(started); way.lost != 1 || took != time.Second {
					t.Errorf("%d answers lost, and that took %v", way.lost, took)
				}
			})
		})
	}
}

// TestLongPoll has the user come while the server holds the request: the
// answer comes at that moment, and the server is asked three times a minute.
func TestLongPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		way := &counting{}
		signIn, err := s.client(t, dss.Config{Flow: dss.FlowRelay, Scopes: scopes, HTTPClient: &http.Client{Transport: way}}).Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		done := make(chan error, 1)
		time.AfterFunc(130*time.Second, func() { done <- approve(signIn) })
		token, err := signIn.Wait(context.Background())
		if err := errors.Join(err, <-done); err != nil {
			t.Fatal(err)
		}
		checkToken(t, s, token, true)
		want := slices.Concat([]string{api.PathMetadata}, slices.Repeat([]string{api.PathToken}, 7), []string{"/sandbox/oauth/access_token/json"})
		if took := time.Since(started); took != 130*time.Second || !slices.Equal(way.paths, want) {
			t.Errorf("after %v, asked %s", took, strings.Join(way.paths, " "))
		}
	})
}

// counting notes where requests go.
type counting struct{ paths []string }

// RoundTrip implements [http.RoundTripper].
func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.paths = append(c.paths, r.URL.Path)
	return http.DefaultTransport.RoundTrip(r)
}
