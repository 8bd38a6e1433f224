package httpapi

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/api"
)

// FuzzEncode: what is encoded by hand has the bytes of encoding/json.
func FuzzEncode(f *testing.F) {
	for i := range 0x100 {
		f.Add("a"+string([]byte{byte(i)})+"b", string(rune(i))+"\\")
	}
	f.Add("", "")
	f.Add("<script>&amp;</script>", "\u2028\u2029\ufffd\U0001F600")
	f.Add("\xed\xa0\x80", "\xff\xfe\xc3")
	f.Add(strings.Repeat("a", 4096), strings.Repeat("\"", 4096))
	f.Fuzz(func(t *testing.T, one, two string) {
		for _, body := range []any{
			api.TokenResponse{AccessToken: one},
			api.CodeResponse{Code: one},
			api.ErrorResponse{Name: one, Message: two},
			api.OAuthError{Error: one, Description: two},
		} {
			var want bytes.Buffer
			encoder := json.NewEncoder(&want)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(body); err != nil {
				t.Fatal(err)
			}
			if got, err := encode(body); err != nil || string(got) != want.String() {
				t.Errorf("%T: %q, %v, want %q", body, got, err, want.String())
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	b.ReportAllocs()
	e := api.ErrorResponse{Name: api.NoToken, Message: api.Errors[api.NoToken].Message}
	for b.Loop() {
		if _, err := encode(e); err != nil {
			b.Fatal(err)
		}
	}
}
