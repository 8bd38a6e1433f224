package stackexchange_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

func TestRefusedErrorIsBounded(t *testing.T) {
	e := &stackexchange.RefusedError{Type: "a\x1b[31m\n", Message: strings.Repeat("é!", 1000)}
	text := e.Error()
	if len(text) != 200 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("%d bytes: %q", len(text), text)
	}
}

func TestSecretsThatOverlap(t *testing.T) {
	for name, tt := range map[string]struct{ code, verifier, message, want string }{
		"one begins the other": {"abc", "abcdef", "x abcdef y abc z", "x [redacted] y [redacted] z"},
		"within the word":      {"red", "", "a red one", ""},
		"a pattern":            {"a.*)))", "", "axx) a.*)))", "axx) [redacted]"},
		"none":                 {"", "", "as it is", "as it is"},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := json.Marshal(map[string]string{"error": "t", "error_description": tt.message})
			if err != nil {
				t.Fatal(err)
			}
			_, err = scripted(t, 400, string(body)).Redeem(t.Context(), stackexchange.Redemption{
				Code: secret.New(tt.code), Verifier: secret.New(tt.verifier),
			})
			if got := checkRefused(t, err).Message; got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// FuzzAnswers holds that every answer is a success or one of the two errors,
// and that none of these tells a secret.
func FuzzAnswers(f *testing.F) {
	f.Add(200, `{"access_token":"t","expires":60}`)
	f.Add(200, `{"items":[],"backoff":10}`)
	f.Add(400, `{"error":{"type":"`+canaryCode+`","message":"`+canaryToken+`"}}`)
	f.Add(400, `{"error":"x","error_description":"`+verifier+`"}`)
	f.Add(400, `{"error_id":402,"error_message":"`+canaryToken+`"}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		token, err := scripted(t, status, body).Redeem(t.Context(), redemption(secret.New(canaryCode)))
		if err == nil && (token.Expires < 0 || token.AccessToken.IsZero()) {
			t.Errorf("token %q expires %v", token.AccessToken.Reveal(), token.Expires)
		}
		checkOne(t, err, canaryCode, verifier)
		_, err = scripted(t, status, body).Invalidate(t.Context(), secret.New(canaryToken))
		checkOne(t, err, canaryToken)
	})
}

func checkOne(t *testing.T, err error, secrets ...string) {
	t.Helper()
	if err == nil {
		return
	}
	if _, refused := errors.AsType[*stackexchange.RefusedError](err); refused == errors.Is(err, stackexchange.ErrUnavailable) {
		t.Errorf("error %v, want one of the two", err)
	}
	for _, secret := range secrets {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error has %s: %v", secret, err)
		}
	}
}
