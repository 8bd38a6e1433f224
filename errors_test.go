package dss_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
)

// outcome is what a program sees of an answer: a sentinel or, where that is
// nil, an [dss.Error].
type outcome struct {
	status int
	want   error
}

// ofTheRelay are the names that /auth/token can answer. Where the same request
// may succeed later, it is what the sign-in ends with if that never happens.
var ofTheRelay = map[string]outcome{
	api.NoToken:                {http.StatusNotFound, dss.ErrExpired},
	api.AccessDenied:           {http.StatusForbidden, dss.ErrAccessDenied},
	api.KeyConflict:            {http.StatusConflict, dss.ErrConflict},
	api.ThrottleViolation:      {http.StatusTooManyRequests, dss.ErrThrottled},
	api.InternalError:          {http.StatusInternalServerError, dss.ErrUnreachable},
	api.TemporarilyUnavailable: {http.StatusServiceUnavailable, dss.ErrUnreachable},
	api.NoKey:                  {http.StatusBadRequest, nil},
	api.InvalidKey:             {http.StatusBadRequest, nil},
	api.InvalidAppID:           {http.StatusBadRequest, nil},
	api.InvalidWait:            {http.StatusBadRequest, nil},
	api.InvalidRequest:         {http.StatusBadRequest, nil},
	api.InvalidToken:           {http.StatusBadRequest, nil},
	api.VerifierRequired:       {http.StatusBadRequest, nil},
	api.InvalidVerifier:        {http.StatusForbidden, nil},
	api.CrossOrigin:            {http.StatusForbidden, nil},
	api.NoMethod:               {http.StatusNotFound, nil},
	api.MethodNotAllowed:       {http.StatusMethodNotAllowed, nil},
	api.TooLarge:               {http.StatusRequestEntityTooLarge, nil},
	api.UnsupportedMediaType:   {http.StatusUnsupportedMediaType, nil},
	api.MisdirectedRequest:     {http.StatusMisdirectedRequest, nil},
}

// ofOAuth are the names that /oauth/token can answer.
var ofOAuth = map[string]outcome{
	api.AuthorizationPending:    {http.StatusBadRequest, dss.ErrExpired},
	api.SlowDown:                {http.StatusBadRequest, dss.ErrExpired},
	api.ExpiredToken:            {http.StatusBadRequest, dss.ErrExpired},
	api.AccessDenied:            {http.StatusBadRequest, dss.ErrAccessDenied},
	api.TemporarilyUnavailable:  {http.StatusServiceUnavailable, dss.ErrUnreachable},
	api.ServerError:             {http.StatusInternalServerError, dss.ErrUnreachable},
	api.InvalidRequest:          {http.StatusBadRequest, nil},
	api.InvalidGrant:            {http.StatusBadRequest, nil},
	api.InvalidClient:           {http.StatusBadRequest, nil},
	api.InvalidScope:            {http.StatusBadRequest, nil},
	api.UnauthorizedClient:      {http.StatusBadRequest, nil},
	api.UnsupportedGrantType:    {http.StatusBadRequest, nil},
	api.UnsupportedResponseType: {http.StatusBadRequest, nil},
}

// ofPages are the names that only people see.
var ofPages = map[string]bool{
	api.NotFound: true, api.BadClient: true, api.BadRedirectURI: true, api.WrongBrowser: true, api.UnknownSignIn: true,
}

func TestEveryErrorOfTheRelay(t *testing.T) {
	for name, o := range ofTheRelay {
		for _, flow := range []dss.Flow{dss.FlowRelay, dss.FlowImplicit} {
			o.check(t, flow, name, fmt.Sprintf(`{"error_name":%q,"error_message":"why"}`, name))
		}
	}
}

func TestEveryErrorOfOAuth(t *testing.T) {
	for name, o := range ofOAuth {
		body := fmt.Sprintf(`{"error":%q,"error_description":"why"}`, name)
		o.check(t, dss.FlowDevice, name, body)
		if name == api.AuthorizationPending || name == api.SlowDown {
			o.want = nil // nothing that a code could wait for
		}
		o.check(t, dss.FlowLoopback, name, body)
	}
}

// TestErrorsOfStackExchange are objects.
func TestErrorsOfStackExchange(t *testing.T) {
	o := outcome{http.StatusBadRequest, nil}
	o.check(t, dss.FlowRelay, "invalid_request", `{"error":{"type":"invalid_request","message":"why"}}`, code)
	o.check(t, dss.FlowRelay, "invalid_request", `{"error":{"type":"2","message":"why"}}`, code)
	o.check(t, dss.FlowRelay, "invalid_request", `{"error_message":"why"}`, code)
	o = outcome{http.StatusBadRequest, dss.ErrAccessDenied}
	o.check(t, dss.FlowRelay, "access_denied", `{"error":{"type":"access_denied","message":"why"}}`, code)
}

// TestTextsOfOthersCanBeShown: what a server says steers no terminal, and turns
// nothing around.
func TestTextsOfOthersCanBeShown(t *testing.T) {
	o := outcome{http.StatusBadRequest, nil}
	for _, body := range []string{
		`{"error_name":"invalid\u202e_key","error_message":"w\u0000h\u001b\u2066y"}`,
		`{"error_name":"\u2067invalid_key","error_message":"\u202bwhy\u202c"}`,
	} {
		o.check(t, dss.FlowRelay, "invalid_key", body)
		o.check(t, dss.FlowImplicit, "invalid_key", body)
	}
	body := `{"error":"invalid\u200b_client","error_description":"w\u2069hy\u200f"}`
	o.check(t, dss.FlowDevice, "invalid_client", body)
	o.check(t, dss.FlowLoopback, "invalid_client", body)
	o.check(t, dss.FlowRelay, "invalid_client", `{"error":{"type":"invalid\u061c_client","message":"\ufeffwhy\u0007"}}`, code)
}

// check signs in at a server that answers body after the first replies.
func (o outcome) check(t *testing.T, flow dss.Flow, name, body string, first ...reply) {
	t.Helper()
	t.Run(string(flow)+" "+name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{replies: append(first, says(o.status, body, "Retry-After", "5")), device: someDevice, started: time.Now()}
			signIn := func() (*dss.Token, error) { return f.client(t, flow).SignIn(t.Context()) }
			if flow == dss.FlowLoopback {
				signIn = func() (*dss.Token, error) { return f.signInByLoopback(t) }
			}
			token, err := signIn()
			if token != nil {
				t.Errorf("a token: %v", token)
			}
			answer, ok := errors.AsType[*dss.Error](err)
			switch {
			case o.want != nil && !errors.Is(err, o.want):
				t.Errorf("%v, want %v", err, o.want)
			case o.want == nil && (!ok || *answer != dss.Error{Status: o.status, Name: name, Message: "why"}):
				t.Errorf("%#v", err)
			}
			for _, other := range []error{dss.ErrAccessDenied, dss.ErrConflict, dss.ErrExpired, dss.ErrThrottled, dss.ErrUnreachable} {
				if other != o.want && errors.Is(err, other) {
					t.Errorf("%v is %v too", err, other)
				}
			}
		})
	})
}

func TestEveryNameIsMapped(t *testing.T) {
	for name, e := range api.Errors {
		if _, ok := ofOAuth[e.OAuth]; e.OAuth != "" && !ok {
			t.Errorf("no test says what becomes of %s", e.OAuth)
		}
		o, relay := ofTheRelay[name]
		if _, oauth := ofOAuth[name]; !relay && !oauth && !ofPages[name] {
			t.Errorf("no test says what becomes of %s", name)
		}
		if relay && o.status != e.Status {
			t.Errorf("%s has status %d in the test, and %d in the table", name, o.status, e.Status)
		}
	}
}

// TestErrorsOfTheRealServer provokes what a program can provoke.
func TestErrorsOfTheRealServer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config dss.Config
		want   string
		status int
	}{
		{"app id", dss.Config{Flow: dss.FlowRelay, AppID: "no good", Prompt: nobody}, api.InvalidAppID, http.StatusBadRequest},
		{"client id", dss.Config{Flow: dss.FlowDevice, ClientID: "1234567890123456789", Prompt: nobody}, api.InvalidClient, http.StatusBadRequest},
		{"scope of a device", dss.Config{Flow: dss.FlowDevice, Scopes: []string{"é"}, Prompt: nobody}, api.InvalidScope, http.StatusBadRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := simulate(t).client(t, tt.config).SignIn(t.Context())
				if answer, ok := errors.AsType[*dss.Error](err); !ok || answer.Name != tt.want || answer.Status != tt.status || answer.Message == "" {
					t.Errorf("%#v", err)
				}
			})
		})
	}
}

func TestScopeThatTheServerRefuses(t *testing.T) {
	_, err := serve(t).client(t, dss.Config{Flow: dss.FlowLoopback, Scopes: []string{"é"}, Prompt: approve}).SignIn(t.Context())
	if answer, ok := errors.AsType[*dss.Error](err); !ok || answer.Name != api.InvalidScope {
		t.Errorf("%#v", err)
	}
}

// TestResponseOfAnotherKind has the other kind of response under the key.
func TestResponseOfAnotherKind(t *testing.T) {
	for flow, does := range map[dss.Flow]reply{dss.FlowImplicit: code, dss.FlowRelay: implicit} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{replies: []reply{does}, started: time.Now()}
			got, err := f.client(t, flow).SignIn(t.Context())
			if _, ok := errors.AsType[*dss.Error](err); !ok || got != nil || len(f.asked) != 1 {
				t.Errorf("%s: %v, %v after %d requests", flow, got, err, len(f.asked))
			}
		})
	}
}
