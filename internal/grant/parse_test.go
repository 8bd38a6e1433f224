package grant

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRedirectURIs(t *testing.T) {
	for _, good := range []string{
		"http://127.0.0.1", "http://127.0.0.1:1", "http://127.0.0.1:65535/", "http://127.0.0.1:8080/callback?x=y&z",
		"http://[::1]:8080/cb", "http://[::1]", "http://localhost:3000", "http://localhost/", "http://localhost:3000/a//b",
		"com.example.app:/oauth2redirect", "com.example.app:/cb?x=1", "com.example.app://callback", "net.example-1.app:callback",
	} {
		if err := checkRedirectURI(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "http://", "127.0.0.1", "//127.0.0.1/", "https://127.0.0.1/", "HTTP://127.0.0.1/", "http://evil.example/",
		"http://127.0.0.1@evil.example/", "http://user@127.0.0.1/", "http://127.0.0.1:80@evil.example/", "http://127.0.0.1.evil.example/",
		"http://localhost.evil.example/", "http://evil.example/127.0.0.1", "http://2130706433/", "http://0x7f000001/", "http://127.1/",
		"http://127.0.0.2/", "http://0.0.0.0/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::1%25eth0]/", "http://[0:0:0:0:0:0:0:1]/",
		"http://127.0.0.1:0/", "http://127.0.0.1:65536/", "http://127.0.0.1:080/", "http://127.0.0.1:/", "http://127.0.0.1:x/", "http://127.0.0.1:80:90/",
		"http://127.0.0.1/#", "http://127.0.0.1/#fragment", "http://127.0.0.1:80#@evil/", "http://127.0.0.1\\@evil.example/",
		"http://127.0.0.1/ ", " http://127.0.0.1/", "http://127.0.0.1/\r\nSet-Cookie: x=y", "http://127.0.0.1/\t", "http://127.0.0.1/%zz", "http://127.0.0.1?x%",
		"http://127.0.0.1/ä", "http://ⓛocalhost/", "http://localhost。/", "http:127.0.0.1/", "http:/127.0.0.1/",
		"javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "app:/cb", "x.y", "com.example.app:", "com..example:/cb", ".example:/cb", "1com.example:/cb",
		"com.example.app:/cb#x", "http://127.0.0.1/" + strings.Repeat("a", maxRedirectURI),
	} {
		if err := checkRedirectURI(bad); !errors.Is(err, ErrInvalidRedirectURI) {
			t.Errorf("%q: %v, want ErrInvalidRedirectURI", bad, err)
		}
	}
}

// FuzzRedirectURI holds what is accepted against what a URL parser makes of
// it once the response has been added.
func FuzzRedirectURI(f *testing.F) {
	for _, seed := range []string{
		"http://127.0.0.1:8080/cb?x=y", "http://[::1]", "http://localhost:1/", "com.example.app:/cb", "http://127.0.0.1@evil/", "http://127.0.0.1?", "http://localhost/?a&",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if checkRedirectURI(text) != nil {
			return
		}
		u, err := url.Parse(withParameters(text, url.Values{"code": {"c"}}))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if u.Scheme == "http" && !slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, u.Hostname()) {
			t.Errorf("%q leads to %q", text, u.Hostname())
		}
		if u.User != nil || u.Fragment != "" {
			t.Errorf("%q has user %v, fragment %q", text, u.User, u.Fragment)
		}
		if codes := u.Query()["code"]; len(codes) == 0 || codes[len(codes)-1] != "c" {
			t.Errorf("%q: the response is not in the query %q", text, u.RawQuery)
		}
	})
}

func TestScopes(t *testing.T) {
	const same = "the set that was asked for"
	for _, test := range []struct{ asked, upstream, granted string }{
		{"", "", same},
		{"read_inbox", "read_inbox", same},
		{"read_inbox no_expiry", "read_inbox,no_expiry", same},
		{"no_expiry,read_inbox", "no_expiry,read_inbox", same},
		{" read_inbox , no_expiry ", "read_inbox,no_expiry", same},
		{"read_inbox no_expiry read_inbox", "read_inbox,no_expiry", same},
		{"access_team|stackoverflow.com/c/x write_access", "access_team|stackoverflow.com/c/x,write_access", same},
		{"access_team", "access_team", same},
		{"manage_collective_recommendations", "manage_collective_recommendations", same},
		{"read_inbx", "read_inbx", same},
		{"READ_INBOX OpenID", "READ_INBOX,OpenID", same},
		{"openid read_inbox offline_access", "read_inbox", "read_inbox"},
		{"make_tea profile,read_inbx email make_tea address phone", "make_tea,read_inbx", "make_tea read_inbx"},
		{"openid", "", ""},
	} {
		s, err := parseScope(test.asked)
		if err != nil || s.upstream() != test.upstream {
			t.Errorf("%q: upstream %q, %v", test.asked, s.upstream(), err)
		}
		granted := same
		if told := s.granted(); told != nil {
			granted = *told
		}
		if granted != test.granted {
			t.Errorf("%q: granted %q", test.asked, granted)
		}
	}
	for _, bad := range []string{`"`, `\`, "a\nb", "ä", strings.Repeat("a", maxScope+1)} {
		if _, err := parseScope(bad); err != ErrInvalidScope {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestUserCodes(t *testing.T) {
	for _, typed := range []string{
		"BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "b-c-d-f-g-h-j-k", "BCDFGHJK\t", "\tBCDF\r\nGHJK\n", "bCdF_gHjK",
		"BCDF\u2010GHJK", "BCDF\u2011GHJK", "BCDF\u2012GHJK", "BCDF\u2013GHJK", "BCDF\u2014GHJK", "BCDF\u2015GHJK",
		"BCDF\u2212GHJK", "BCDF\u00adGHJK", "BCDF\u2043GHJK", "BCDF\u05beGHJK", "BCDF\u301cGHJK", "BCDF\u30fcGHJK", "BCDF\uff0dGHJK",
		"BCDF\ufe58GHJK", "BCDF~GHJK", "BCDF.GHJK", "BCDF\u00b7GHJK", "BCDF\u3002GHJK", "BCDF/GHJK", "BCDF:GHJK", "BCDF+GHJK",
		"BCDF\u00a0GHJK", "BCDF\u2003GHJK", "BCDF\u202fGHJK", "BCDF\u3000GHJK", "\ufeffBCDF\u200bGHJK\u200d", "\u202eBCDF-GHJK\u202c",
		`"BCDF-GHJK"`, "'bcdf-ghjk'", "\u201cBCDF-GHJK\u201d", "\u00abBCDF-GHJK\u00bb", "\u201eBCDF-GHJK\u201c", "`BCDF-GHJK`", "<BCDF-GHJK>",
		"BCDF\u02bcGHJK", "B\u0301CDFGHJK", "BCDF-GHJK\x00\x7f\u0085", "(BCDF) [GHJK].", "BCDF\u2028GHJK",
		"ＢＣＤＦ－ＧＨＪＫ", "ｂｃｄｆｇｈｊｋ", "ⒷⒸⒹⒻⒼⒽⒿⓀ", "𝐁𝐂𝐃𝐅𝐆𝐇𝐉𝐊", "BⅭⅮFGHJ\u212a",
		"ВСDFGНЈК", "всdfgнјк", "ΒCDϜGΗͿΚ", "βcdfgηjκ",
	} {
		if code, err := ParseUserCode(typed); err != nil || code != "BCDFGHJK" || code.String() != "BCDF-GHJK" {
			t.Errorf("%q: %q, %v", typed, code, err)
		}
	}
	for typed, want := range map[string]UserCode{
		"ВСНКМРТХ": "BCHKMPTX", "ΒΖΗΚΜΝΡΤ": "BZHKMNPT", "ѕјԛԝѵԍхт": "SJQWVGXT",
	} {
		if code, err := ParseUserCode(typed); err != nil || code != want {
			t.Errorf("%q: %q, %v", typed, code, err)
		}
	}
	for typed, want := range map[string]string{
		"":                       "that is 0 letters; user codes have 8",
		" - ":                    "that is 0 letters; user codes have 8",
		strings.Repeat("-", 256): "that is 0 letters; user codes have 8",
		"b":                      "that is 1 letters; user codes have 8",
		"BCDF-GHJ":               "that is 7 letters; user codes have 8",
		"BCDF-GHJKL":             "that is 9 letters; user codes have 8",
		"ABCD-FGHJ":              "user codes have no A",
		"bcdf-ghj1":              "user codes have no 1",
		"BCDF-GHJ\uff11":         "user codes have no 1",
		"0123-0123":              "user codes have no 0, 1, 2, 3",
		"hello":                  "user codes have no E, O",
		"ЖСДFGНЈК":               "user codes have no Ж, Д",
		"çcdfghjk":               "user codes have no Ç",
		"bcdfghjк-ы":             "user codes have no Ы",
		"<script>":               "user codes have no I",
		"日本語日本語日本語":              "user codes have no 日, 本, 語",
		"aeiouy123":              "user codes have no A, E, I, O, U",
		strings.Repeat("B", 257): errTypedTooLong.Error(),
	} {
		if code, err := ParseUserCode(typed); err == nil || err.Error() != want || code != "" {
			t.Errorf("%q: %q, %v, want %s", typed, code, err, want)
		}
	}
}

// FuzzUserCode: what is read is a code, and reads the same however it is
// written; what is not says why.
func FuzzUserCode(f *testing.F) {
	for _, seed := range []string{"BCDF-GHJK", "ｂｃｄｆ\u2011ｇｈｊｋ\t", "ВСНКМРТХ", "ΒΖΗΚΜΝΡΤ", "hello", "\xff\u0345ß", ""} {
		f.Add(seed)
	}
	shape := regexp.MustCompile(`^[` + userCodeAlphabet + `]{8}$`)
	f.Fuzz(func(t *testing.T, typed string) {
		code, err := ParseUserCode(typed)
		var no *NoUserCodeError
		switch {
		case err == nil:
			if !shape.MatchString(string(code)) {
				t.Fatalf("%q is read as %q", typed, code)
			}
			for _, same := range []string{code.String(), strings.ToLower(string(code)), typed + " .", strings.ToUpper(typed)} {
				if again, err := ParseUserCode(same); len(same) <= maxTyped && (err != nil || again != code) {
					t.Errorf("%q is read as %q, %q as %q, %v", typed, code, same, again, err)
				}
			}
		case errors.As(err, &no):
			if no.Strange == "" && no.Letters == userCodeLength {
				t.Errorf("%q: %+v says nothing", typed, no)
			}
		case len(typed) <= maxTyped:
			t.Errorf("%q: %v", typed, err)
		}
	})
}

// TestDeviceCodes derives what belongs together, and nothing from anything
// else.
func TestDeviceCodes(t *testing.T) {
	shape := regexp.MustCompile(`^[` + userCodeAlphabet + `]{8}$`)
	seen := map[string]bool{}
	for range 1000 {
		code := newDeviceCode(time.Unix(1800000000, 0))
		parsed, err := parseDeviceCode(code.text)
		if err != nil || parsed.text != code.text || !parsed.expires.Equal(code.expires) {
			t.Fatalf("%s: %v, %v", code.text, parsed, err)
		}
		d, err := code.derive()
		if err != nil || !shape.MatchString(string(d.userCode)) || !IsState(d.state) || len(d.verifier.Reveal()) != 43 {
			t.Fatalf("%+v, %v", d, err)
		}
		for _, text := range []string{string(d.userCode), d.state, d.verifier.Reveal()} {
			if seen[text] {
				t.Fatalf("%s twice", text)
			}
			seen[text] = true
		}
	}
	for _, bad := range []string{"", ".", "abc", strings.Repeat("A", 43), strings.Repeat("A", 43) + ".", strings.Repeat("A", 43) + ".!", strings.Repeat("A", 43) + ".zzzzzzzzzzzzz"} {
		if _, err := parseDeviceCode(bad); err == nil {
			t.Errorf("%q is taken for a device code", bad)
		}
	}
}
