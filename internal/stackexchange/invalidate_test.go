package stackexchange_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/test/outage"
)

func TestInvalidate(t *testing.T) {
	u := newUpstream(t)
	token, other := u.token(t), u.token(t)
	for _, lives := range []bool{true, false} {
		if ended, err := u.Invalidate(t.Context(), token); err != nil || ended != lives {
			t.Fatalf("ended: %t, %v; it lives: %t", ended, err, lives)
		}
	}
	if u.accepts(t, token) {
		t.Error("the token lives on")
	}
	if !u.accepts(t, other) {
		t.Error("another token is gone too")
	}
	if ended, err := u.Invalidate(t.Context(), secret.New("unknown))")); ended || err != nil {
		t.Errorf("unknown token: %t, %v", ended, err)
	}
}

func TestInvalidateMakesNoCallForStrangeTokens(t *testing.T) {
	c := clientOf(t, "http://upstream.invalid", roundTrip(func(r *http.Request) (*http.Response, error) {
		t.Errorf("called %s", r.URL)
		return response(500, ""), nil
	}))
	for _, token := range []string{
		"", "a/../b", "..", "a;b", "a b", "a%29", "a?b", "a#b", "a\r\nHost: x", "ä", "a\x00", "a-b", strings.Repeat("a", 4097),
	} {
		if ended, err := c.Invalidate(t.Context(), secret.New(token)); ended || err != nil {
			t.Errorf("%.20q: %t, %v", token, ended, err)
		}
	}
}

func TestInvalidateRequest(t *testing.T) {
	c := clientOf(t, "http://upstream.invalid", roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodGet || r.URL.Path != "/sandbox/2.3/access-tokens/"+canaryToken+"/invalidate" || r.URL.RawQuery != "" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		if got := r.Header.Get("Authorization"); got != "Bearer "+canaryToken {
			t.Errorf("Authorization %q", got)
		}
		return response(200, `{"items":[]}`), nil
	}))
	if err := methods["invalidate"](t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func TestInvalidationAnswers(t *testing.T) {
	good := func(t *testing.T, err error) {
		if err != nil {
			t.Error(err)
		}
	}
	unavailable := func(t *testing.T, err error) { checkUnavailable(t, err) }
	refused := func(t *testing.T, err error) { checkRefused(t, err) }
	for name, tt := range map[string]struct {
		status int
		body   string
		check  func(*testing.T, error)
	}{
		"done":               {200, `{"items":[{"access_token":"x"}],"has_more":false}`, good},
		"unknown":            {200, `{"items":[]}`, good},
		"no items":           {200, `{"status":"ok"}`, unavailable},
		"null items":         {200, `{"items":null}`, unavailable},
		"a list":             {200, `[]`, unavailable},
		"HTML":               {200, `<html>`, unavailable},
		"402":                {400, `{"error_id":402,"error_name":"invalid_access_token"}`, good},
		"403":                {400, `{"error_id":403,"error_name":"access_denied"}`, good},
		"406":                {400, `{"error_id":406,"error_name":"access_token_compromised"}`, good},
		"400":                {400, `{"error_id":400,"error_name":"bad_parameter","error_message":"no"}`, refused},
		"405":                {400, `{"error_id":405,"error_name":"key_required"}`, refused},
		"500":                {400, `{"error_id":500,"error_name":"internal_error"}`, unavailable},
		"502":                {400, `{"error_id":502,"error_name":"throttle_violation"}`, unavailable},
		"503":                {400, `{"error_id":503,"error_name":"temporarily_unavailable"}`, unavailable},
		"blocked address":    {403, `{"error_id":403,"error_name":"access_denied"}`, refused},
		"blocked, in HTML":   {403, `<html>`, unavailable},
		"an id in words":     {400, `{"error_id":"402"}`, unavailable},
		"400, no id":         {400, `{"items":[]}`, unavailable},
		"an error, 200":      {200, `{"error_id":502,"items":[]}`, unavailable},
		"an unknown status":  {404, `{"error_id":402}`, unavailable},
		"HTTP 502":           {502, `{"error_id":502}`, unavailable},
		"HTTP 429":           {429, `{}`, unavailable},
		"a redirect":         {301, `{"items":[]}`, unavailable},
		"the token echoed":   {400, `{"error_id":400,"error_name":"` + canaryToken + `","error_message":"` + canaryToken + `"}`, refused},
		"percent-encoded":    {400, `{"error_id":400,"error_message":"/access-tokens/canaryTOKEN%28x%2A2%29%29/invalidate"}`, refused},
		"an endless message": {400, `{"error_id":400,"error_message":"` + strings.Repeat("é\\u0007x", 4000) + `"}`, refused},
	} {
		t.Run(name, func(t *testing.T) {
			tt.check(t, methods["invalidate"](t.Context(), scripted(t, tt.status, tt.body)))
		})
	}
}

func TestBackoffOfTheSandbox(t *testing.T) {
	u := newUpstream(t)
	token := u.token(t)
	u.sandbox.SetFault(outage.ClassAPI, outage.Fault{Kind: outage.Backoff, Seconds: 3600})
	if _, err := u.Invalidate(t.Context(), secret.New("first")); err != nil {
		t.Fatal(err)
	}
	_, err := u.Invalidate(t.Context(), token)
	checkUnavailable(t, err)
	if !u.accepts(t, token) {
		t.Error("there was a call in the pause")
	}
	u.token(t) // redeeming is not paused
}
