package relay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestSecretsDoNotPrint prints everything that holds a secret in every usual
// way.
func TestSecretsDoNotPrint(t *testing.T) {
	const canary = "canary-0123456789-abcdefghijklmnopqrstuvwxyz"
	response, err := NewToken(canary)
	if err != nil {
		t.Fatal(err)
	}
	holders := []any{
		NewSecret(canary), Key{NewSecret(canary)}, NewVerifier(canary), response,
		entry{response: response}, &Claimed{Response: response, entry: entry{response: response}},
		Claim{Key: Key{NewSecret(canary)}, Verifier: NewVerifier(canary)},
		fmt.Errorf("wrapped: %v", NewSecret(canary)),
	}
	var out bytes.Buffer
	text, asJSON := slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))
	for _, h := range holders {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb, h)
		}
		text.Info("holder", "value", h)
		asJSON.Info("holder", "value", h)
		if err := json.NewEncoder(&out).Encode(h); err != nil {
			t.Logf("not JSON: %v", err)
		}
	}
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), strings.ToUpper(fmt.Sprintf("%x", canary))} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the secret shows in %q", out.String())
		}
	}
	if !strings.Contains(out.String(), redacted) {
		t.Error("nothing says that a secret was left out")
	}
}
