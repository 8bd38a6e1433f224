package secret

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	out, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestHKDFVectors are those of RFC 5869 appendix A with SHA-256. The first two
// have a salt, so they begin with the pseudorandom key.
func TestHKDFVectors(t *testing.T) {
	for name, v := range map[string]struct{ prk, info, okm string }{
		"A.1": {
			"077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
			"f0f1f2f3f4f5f6f7f8f9",
			"3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
		},
		"A.2": {
			"06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
			"b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7" +
				"d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
			"b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09" +
				"da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
		},
		"A.3": {
			"19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
			"",
			"8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
		},
	} {
		prk, want := PRK(unhex(t, v.prk)), unhex(t, v.okm)
		got := make([]byte, len(want))
		prk.Expand(got, string(unhex(t, v.info)))
		if !bytes.Equal(got, want) {
			t.Errorf("%s: expand = %x, want %x", name, got, want)
		}
	}
	got := Extract(New(strings.Repeat("\x0b", 22)))
	want := unhex(t, "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04")
	if !bytes.Equal(got[:], want) {
		t.Errorf("A.3: extract = %x, want %x", got, want)
	}
}

func FuzzHKDF(f *testing.F) {
	f.Add("key", "dss v1 id\x00", "relay 0", uint16(32))
	f.Add("", "", "", uint16(0))
	f.Add(strings.Repeat("k", 64), strings.Repeat("i", 64), strings.Repeat("p", 64), uint16(64))
	f.Add(strings.Repeat("k", 4096), strings.Repeat("i", 4096), "", uint16(maxDerived))
	f.Fuzz(func(t *testing.T, text, use, purpose string, size uint16) {
		size %= maxDerived + 1
		wantPRK, err := hkdf.Extract(sha256.New, []byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		want, err := hkdf.Expand(sha256.New, wantPRK, use+purpose, int(size))
		if err != nil {
			t.Fatal(err)
		}
		prk := Extract(New(text))
		got := make([]byte, size)
		prk.Expand(got, use, purpose)
		if !slices.Equal(prk[:], wantPRK) || !bytes.Equal(got, want) {
			t.Errorf("extract = %x, want %x; expand = %x, want %x", prk, wantPRK, got, want)
		}
	})
}

// TestAllocations: a derivation makes none.
func TestAllocations(t *testing.T) {
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return // it drops what a pool keeps; make test runs this test without it, too
	}
	key, purpose := New(strings.Repeat("k", 64)), "relay "+strings.Repeat("a", 64)
	allocated := testing.AllocsPerRun(100, func() {
		var out [32]byte
		prk := Extract(key)
		prk.Expand(out[:], "dss v1 ", "seal", "\x00", purpose)
	})
	if allocated > 0 {
		t.Errorf("%v allocations", allocated)
	}
}

func BenchmarkHKDF(b *testing.B) {
	key := New("bench-ABCDEFGHIJKLMNOPQRSTUVWXYZ-12345")
	b.ReportAllocs()
	for b.Loop() {
		var id [32]byte
		prk := Extract(key)
		prk.Expand(id[:], "dss v1 ", "id", "\x00", "relay 0")
	}
}
