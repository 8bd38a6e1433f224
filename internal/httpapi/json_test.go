package httpapi

import (
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/api"
)

// FuzzObject: what is encoded by hand has the bytes of encoding/json.
func FuzzObject(f *testing.F) {
	for i := range 0x100 {
		f.Add("a"+string([]byte{byte(i)})+"b", string(rune(i))+"\\")
	}
	f.Add("", "")
	f.Add("<script>&amp;</script>", "\u2028\u2029\ufffd\U0001F600")
	f.Add("\xed\xa0\x80", "\xff\xfe\xc3")
	f.Add(strings.Repeat("a", 4096), strings.Repeat("\"", 4096))
	r := newRefusals("https://auth.example.org")
	f.Fuzz(func(t *testing.T, one, two string) {
		p := &problem{name: one, detail: two}
		for _, c := range []struct {
			got  []byte
			want any
		}{
			{object("access_token", one), api.TokenResponse{AccessToken: one}},
			{object("code", two), api.CodeResponse{Code: two}},
			{object("error_name", one, "error_message", two), api.ErrorResponse{Name: one, Message: two}},
			{r.oauth(p, one), api.OAuthError{Error: one, Description: p.message(), URI: explainedAt(one)}},
		} {
			if e, ok := c.want.(api.OAuthError); ok && e.Description == "" {
				continue // no error is without a message
			}
			want, err := encode(c.want)
			if err != nil || string(c.got) != string(want) {
				t.Errorf("%q, want %q, %v", c.got, want, err)
			}
		}
	})
}

// explainedAt is the error_uri of an error.
func explainedAt(name string) string {
	if name == api.NoToken || name == api.AuthorizationPending || name == api.SlowDown {
		return "" // comes by the thousand
	}
	return "https://auth.example.org/docs/errors#" + name
}

// TestRefusals compares what is encoded once with what is encoded in the end.
func TestRefusals(t *testing.T) {
	r := newRefusals("https://auth.example.org")
	for name, e := range api.Errors {
		p := &problem{name: name}
		oauthName, _ := p.oauth()
		for _, c := range []struct {
			got  []byte
			want any
		}{
			{r.relay(p), api.ErrorResponse{Name: name, Message: e.Message, URI: explainedAt(name)}},
			{r.oauth(p, oauthName), api.OAuthError{Error: oauthName, Description: e.Message, URI: explainedAt(name)}},
			{r.oauth(p, api.SlowDown), api.OAuthError{Error: api.SlowDown, Description: e.Message}},
		} {
			if want, err := encode(c.want); err != nil || string(c.got) != string(want) {
				t.Errorf("%s: %q, want %q, %v", name, c.got, want, err)
			}
		}
	}
}

func BenchmarkObject(b *testing.B) {
	message := api.Errors[api.NoToken].Message
	b.Run("by hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = object("error_name", api.NoToken, "error_message", message)
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = encode(api.ErrorResponse{Name: api.NoToken, Message: message})
		}
	})
}
