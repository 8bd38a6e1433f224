package secret

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
	type holder struct{ text Text }
	text := New(canary)
	holders := []any{
		text, &text, holder{text}, &holder{text}, []Text{text}, map[string]Text{"key": text}, fmt.Errorf("wrapped: %v", text),
	}
	var out bytes.Buffer
	asText, asJSON := slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))
	for _, h := range holders {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb, h)
		}
		asText.Info("holder", "value", h)
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
	if !strings.Contains(out.String(), Redacted) {
		t.Error("nothing says that a secret was left out")
	}
}
