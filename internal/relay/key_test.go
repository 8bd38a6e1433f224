package relay

import (
	"errors"
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	bound := "s256.E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636 appendix B
	tests := []struct {
		name, key string
		want      error
	}{
		{"random GUID", "0f8fad5b-d9cb-469f-a165-70867728950e", nil},
		{"GUID in braces", "{0f8fad5b-d9cb-469f-a165-70867728950e}", nil},
		{"random hexadecimal", "0f8fad5bd9cb169fa16570867728950e", nil},
		{"prototype", "__proto__.__proto__", nil},
		{"bound", bound, nil},
		{"sixteen", "abcdefghijklmnop", nil},
		{"empty", "", ErrNoKey},
		{"sixteen that are no ASCII", strings.Repeat("é", 16), nil},
		{"fifteen of two bytes", strings.Repeat("é", 15), ErrInvalidKey},
		{"fifteen", "abcdefghijklmno", ErrInvalidKey},
		{"longest", strings.Repeat("k", 512), nil},
		{"too long", strings.Repeat("k", 513), ErrInvalidKey},
		{"not UTF-8", "abcdefghijklmnop\xff", ErrInvalidKey},
		{"control character", "abcdefghijklmnop\n", ErrInvalidKey},
		{"digits", "1763976420123456", ErrInvalidKey},
		{"RFC 3339", "2026-11-24T09:27:00Z", ErrInvalidKey},
		{"RFC 3339 with offset", "2026-11-24T09:27:00.123+01:00", ErrInvalidKey},
		{"SQL time", "2026-11-24 09:27:00", ErrInvalidKey},
		{"American time", "11/24/2026 9:27:00 AM", ErrInvalidKey},
		{"American time in Chrome", "11/24/2026, 9:27:00\u202fAM", ErrInvalidKey},
		{"German time", "24.11.2026, 09:27:00", ErrInvalidKey},
		{"Arabic time", "٢٤\u200f/١١\u200f/٢٠٢٦، ٩:٢٧:٠٠", ErrInvalidKey},
		{"seconds with a fraction", "1763976420.123456", ErrInvalidKey},
		{"the time first", "09:27:00 11/24/2026", ErrInvalidKey},
		{"the time first, as RFC 3339 writes the date", "09:27:00.5, 2026-11-24", ErrInvalidKey},
		{"a time as JSON", `"2026-11-24T09:27:00.123Z"`, ErrInvalidKey},
		{"a number in quotes", "'1763976420123456'", ErrInvalidKey},
		{"a number with a sign", "-1763976420123456", ErrInvalidKey},
		{"a number between spaces", " 1763976420123456 ", ErrInvalidKey},
		{"a number in other digits", "١٧٦٣٩٧٦٤٢٠١٢٣٤٥٦", ErrInvalidKey},
		{"HTTP date", "Tue, 24 Nov 2026 09:27:00 GMT", ErrInvalidKey},
		{"JavaScript date", "Tue Nov 24 2026 09:27:00 GMT+0100 (Central European Standard Time)", ErrInvalidKey},
		{"UUID version 1", "c232ab00-9414-11ec-b3c8-9f6bdeced846", ErrInvalidKey},
		{"UUID version 6", "1EC9414C-232A-6B00-B3C8-9F6BDECED846", ErrInvalidKey},
		{"bound, too short", bound[:len(bound)-1], ErrInvalidKey},
		{"bound, not canonical", bound[:len(bound)-1] + "N", ErrInvalidKey},
		{"bound, padded", bound + "=", ErrInvalidKey},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			key, err := ParseKey(test.key, false)
			if !errors.Is(err, test.want) {
				t.Fatalf("Parse: %v, want %v", err, test.want)
			}
			if err == nil && key.Reveal() != test.key {
				t.Errorf("key changed")
			}
			if err != nil && test.key != "" && strings.Contains(err.Error(), test.key) {
				t.Errorf("the error repeats the key: %v", err)
			}
		})
	}
}

func TestMatchCode(t *testing.T) {
	key, err := ParseKey("0f8fad5b-d9cb-469f-a165-70867728950e", false)
	if err != nil {
		t.Fatal(err)
	}
	// The first 30 bits of sha256sum, written in base 32 by other means.
	if got, want := key.MatchCode(), "S09-E3V"; got != want {
		t.Errorf("MatchCode = %q, want %q", got, want)
	}
}

func BenchmarkParseKey(b *testing.B) {
	for name, key := range map[string]string{
		"letters": "bench-ABCDEFGHIJKLMNOPQRSTUVWXYZ-12345",
		"hex":     "6fb3c97cd16b441cbb3f06d02e431f08",
		"bound":   "s256.nVCAM3paPIxZA4PYB4nH-RCEcOTl6Odn4WEYSQmZhfM",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := ParseKey(key, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
