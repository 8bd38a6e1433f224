package relay_test

import (
	"errors"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/desktop-stack-serv/dss/internal/relay"
)

// FuzzKey checks that an accepted key is the text that was passed and keeps
// every rule, and that a refused one is refused with a known error.
func FuzzKey(f *testing.F) {
	for _, seed := range []string{
		"", "short", "kM3-9c2a7be1d04865", "12345678901234567890", "2026-11-24T12:30:21Z", "s256.nVCAM3paPIxZA4PYB4nH-RCEcOTl6Odn4WEYSQmZhfM",
		"s256.", "c232ab00-9414-11ec-b3c8-9f68deced846", "__proto__ constructor", "\xff\xfe0123456789abcdef", "caf\u00e9-caf\u00e9-caf\u00e9-caf\u00e9",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := relay.ParseKey(text, false)
		if err != nil {
			if !errors.Is(err, relay.ErrNoKey) && !errors.Is(err, relay.ErrInvalidKey) {
				t.Errorf("unknown error %v", err)
			}
			return
		}
		if key.Reveal() != text {
			t.Errorf("%q became %q", text, key.Reveal())
		}
		if len(text) < relay.MinKeyLength || len(text) > relay.MaxKeyLength || !utf8.ValidString(text) {
			t.Errorf("%q is accepted", text)
		}
		for _, r := range text {
			if unicode.IsControl(r) {
				t.Errorf("%q is accepted", text)
			}
		}
		if code := key.MatchCode(); len(code) != 7 || code[3] != '-' {
			t.Errorf("match code %q", code)
		}
	})
}
