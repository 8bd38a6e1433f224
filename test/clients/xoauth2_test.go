//go:build integration

package clients_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/desktop-stack-serv/dss/internal/scripted"
)

const (
	day   = 24 * time.Hour
	never = time.Duration(0)
)

var authStyles = []struct {
	name  string
	style oauth2.AuthStyle
	// requests is how many it sends for one poll that finds the user undecided.
	requests int
}{
	{"auto", oauth2.AuthStyleAutoDetect, 2},
	{"header", oauth2.AuthStyleInHeader, 1},
	{"params", oauth2.AuthStyleInParams, 1},
}

var xoauth2Grants = []struct {
	name   string
	decide scripted.User
	scope  string
	form   string // of the redirect URI
	life   time.Duration
	err    string
}{
	{"approved", scripted.Approves, "read_inbox private_info", bare, day, ""},
	{"no scope", scripted.Approves, "", localhost, day, ""},
	{"never expires", scripted.Approves, "no_expiry", withPath, never, ""},
	{"refused", scripted.Denies, "read_inbox", localhostRoot, day, "access_denied"},
}

func xoauth2Config(style oauth2.AuthStyle, scope, redirectURI string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: clientID, RedirectURL: redirectURI, Scopes: strings.Fields(scope),
		Endpoint: oauth2.Endpoint{
			AuthURL: server + "/oauth/authorize", TokenURL: server + "/oauth/token",
			DeviceAuthURL: server + "/oauth/device_authorization", AuthStyle: style,
		},
	}
}

func TestXOAuth2Code(t *testing.T) {
	t.Parallel()
	for _, s := range authStyles {
		for _, g := range xoauth2Grants {
			t.Run(s.name+"/"+g.name, func(t *testing.T) {
				t.Parallel()
				ctx := bounded(t)
				config := xoauth2Config(s.style, g.scope, listen(t, g.form))
				code, verifier := authorizeXOAuth2(t, config, g.decide, g.err)
				if g.err != "" {
					return
				}
				token, err := config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
				if err != nil {
					t.Fatal(err)
				}
				checkXOAuth2(t, ctx, token, g.life)
			})
		}
	}
}

// authorizeXOAuth2 takes the user through the browser's part of a code grant.
func authorizeXOAuth2(t *testing.T, config *oauth2.Config, decide scripted.User, wantErr string) (code, verifier string) {
	t.Helper()
	verifier = oauth2.GenerateVerifier()
	state := "state of " + t.Name() + " &=+%"
	page := visit(t, decide, config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)))
	response := received(t, config.RedirectURL, page)
	if response.Get("state") != state || response.Get("iss") != server || response.Get("error") != wantErr {
		t.Fatalf("the app gets %v, want state %q, iss %q and error %q", response, state, server, wantErr)
	}
	return response.Get("code"), verifier
}

func checkXOAuth2(t *testing.T, ctx context.Context, token *oauth2.Token, life time.Duration) {
	t.Helper()
	if token.Type() != "Bearer" {
		t.Errorf("the type is %q", token.Type())
	}
	if got := token.Extra("scope"); got != nil { // it is what was asked for
		t.Errorf("the scope is %v", got)
	}
	left := time.Until(token.Expiry)
	if life == never && !token.Expiry.IsZero() || life != never && (left > life || left < life-limit) {
		t.Errorf("the token expires in %v (%v), want %v", left, token.Expiry, life)
	}
	checkAPI(t, ctx, token.AccessToken, http.StatusOK)
}

// TestXOAuth2CodeOnce has an app present a code with a wrong verifier, or
// again. In its automatic mode the client repeats what fails at once, and that
// ends no token.
func TestXOAuth2CodeOnce(t *testing.T) {
	t.Parallel()
	for _, s := range authStyles {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := bounded(t)
			config := xoauth2Config(s.style, "", listen(t, withPath))
			code, _ := authorizeXOAuth2(t, config, scripted.Approves, "")
			_, err := config.Exchange(ctx, code, oauth2.VerifierOption(oauth2.GenerateVerifier()))
			checkXOAuth2Error(t, err, "invalid_grant")

			code, verifier := authorizeXOAuth2(t, config, scripted.Approves, "")
			token, err := config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			_, err = config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
			checkXOAuth2Error(t, err, "invalid_grant")
			checkXOAuth2(t, ctx, token, day)
		})
	}
}

func checkXOAuth2Error(t *testing.T, err error, want string) {
	t.Helper()
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.ErrorCode != want {
		t.Errorf("the client says %v, want %s", err, want)
	}
}

func TestXOAuth2Device(t *testing.T) {
	t.Parallel()
	for _, s := range authStyles {
		for _, g := range xoauth2Grants {
			t.Run(s.name+"/"+g.name, func(t *testing.T) {
				t.Parallel()
				ctx := bounded(t)
				config := xoauth2Config(s.style, g.scope, "")
				device := startXOAuth2(t, ctx, config)
				visit(t, g.decide, device.VerificationURIComplete)
				token, err := config.DeviceAccessToken(ctx, device)
				if g.err != "" {
					checkXOAuth2Error(t, err, g.err)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				checkXOAuth2(t, ctx, token, g.life)
			})
		}
	}
}

func startXOAuth2(t *testing.T, ctx context.Context, config *oauth2.Config) *oauth2.DeviceAuthResponse {
	t.Helper()
	device, err := config.DeviceAuth(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if device.VerificationURI != server+"/device" || device.Interval != 5 || !strings.Contains(device.VerificationURIComplete, device.UserCode) {
		t.Fatalf("the device authorization is %+v", device)
	}
	return device
}

// TestXOAuth2DevicePending: the user decides only after the first poll, for
// which the client may send two requests.
func TestXOAuth2DevicePending(t *testing.T) {
	t.Parallel()
	for _, s := range authStyles {
		for _, g := range []struct {
			name   string
			decide scripted.User
			err    string
		}{{"approved", scripted.Approves, ""}, {"refused", scripted.Denies, "access_denied"}} {
			t.Run(s.name+"/"+g.name, func(t *testing.T) {
				t.Parallel()
				ctx := bounded(t)
				config := xoauth2Config(s.style, "read_inbox", "")
				device := startXOAuth2(t, ctx, config)
				polls := &pendingPolls{t: t, left: s.requests, then: func() { visit(t, g.decide, device.VerificationURIComplete) }}
				token, err := config.DeviceAccessToken(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: polls}), device)
				if g.err != "" {
					checkXOAuth2Error(t, err, g.err)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				checkXOAuth2(t, ctx, token, day)
			})
		}
	}
}
