package oauth

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
		"http://127.0.0.1?", "http://127.0.0.1/?", "http://127.0.0.1/?&", "http://localhost/code?x=code&y=state",
		"http://localhost/?codec=1&states=1&my_error=1&issue=1&x%3Dcode=1", "http://localhost/@evil.example/", "http://localhost/:80@evil.example",
		"http://localhost//evil.example", "http://localhost/..//evil.example/%2e%2e/", "com.example.app:/443", "com.example.app:cb/443",
		"com.example.app://callback", "com.example.app://example.org:8080/x", "com.example.app:///x", "com.example.app:/", "com.example.app:/a//b@c",
	} {
		if _, err := parseRedirectURI(good); err != nil {
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
		"http://localhost./", "http://localhost.:1/", "http://LOCALHOST/", "http://127.0.0.1./", "http://127.0.0.01/", "http://127.0.0.1%2e/",
		"http://%6cocalhost/", "http://localhost%00.evil.example/", "http://localhost:+80/", "http://localhost:1e3/", "http://localhost:80;@evil/",
		"http://localhost:99999/", "http://localhost:000080/", "http://localhost:18446744073709551696/", "http://[::1]evil.example/",
		"http://[::1].evil.example/", "http://[::1%251]/", "http://[::1]:0/", "http://[fe80::1%25lo]/", "http://[::127.0.0.1]/",
		"http://foo.localhost/", "http://localhost\\.evil.example/", "http:\\\\localhost/", "http://localhost\t.evil.example/", "http://\tlocalhost/",
		"http:///localhost/", "http://localhost@evil.example", "http://:@localhost/", "http://evil.example?@localhost/",
		"evil.example:443/cb", "evil.example:443", "evil.example:80?x", "evil.example:8/", "evil.example:443a/cb", "user.name:pass@evil.example/",
		"com.example.app://@", "com.example.app://user@host/", "com.example.app://host:port/", "com.example.app://:@/", "com.example.app://[::1]/",
		"evil.example:cb:443/", "evil.example:?x", "evil.example:%2Fcb", "com.example.app:", "javascript:/x.y", "x:/a.b/c", "http.x",
		"http://127.0.0.1/?code=x", "http://127.0.0.1/?a=b&state=", "http://127.0.0.1/?iss", "http://127.0.0.1?error", "com.example.app:/cb?code=1",
		"http://localhost/?%63ode=x", "http://localhost/?c%6Fde=x", "http://localhost/?CODE=x", "http://localhost/?%53tate=x", "http://localhost/?Iss=x",
		"http://localhost/?a;code=x", "http://localhost/?a=1;state=2", "http://localhost/?+code=x", "http://localhost/?code+=x",
		"http://localhost/?%20code=x", "http://localhost/?%09code=x", "http://localhost/?code[]=x", "http://localhost/?code%5B0%5D=x",
		"http://localhost/?&&error=x", "http://localhost/?code%00=x", "http://localhost/??x&code=y",
	} {
		if _, err := parseRedirectURI(bad); !errors.Is(err, ErrInvalidRedirectURI) {
			t.Errorf("%q: %v, want ErrInvalidRedirectURI", bad, err)
		}
	}
}

// FuzzRedirectURI holds what is accepted against what two kinds of URL parsers
// make of it once the response has been added: Go's and the browsers'.
func FuzzRedirectURI(f *testing.F) {
	for _, seed := range []string{
		"http://127.0.0.1:8080/cb?x=y", "http://[::1]", "http://localhost:1/", "com.example.app:/cb", "http://127.0.0.1@evil/",
		"http://127.0.0.1?", "http://localhost/?a&", "evil.example:443/cb", "http://localhost/?%63ode=1;state", "http:\\\\localhost\\@evil/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		accepted, err := parseRedirectURI(text)
		if err != nil {
			return
		}
		location := accepted.with(url.Values{"code": {"c"}})
		u, err := url.Parse(location)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if u.Scheme == "http" && !slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, u.Hostname()) {
			t.Errorf("%q leads to %q", text, u.Hostname())
		}
		if u.User != nil || u.Fragment != "" {
			t.Errorf("%q has user %v, fragment %q", text, u.User, u.Fragment)
		}
		if codes := u.Query()["code"]; len(codes) != 1 || codes[0] != "c" {
			t.Errorf("%q: the response in the query %q is %q", text, u.RawQuery, codes)
		}
		scheme, host := browserReads(location)
		if scheme == "http" && !slices.Contains([]string{"127.0.0.1", "[::1]", "localhost"}, host) {
			t.Errorf("%q leads browsers to %q", text, host)
		}
		if scheme != "http" && !strings.Contains(scheme, ".") {
			t.Errorf("%q leads browsers to the scheme %q", text, scheme)
		}
	})
}

// browserReads returns the scheme of an address, and the host of an http one,
// without its port, in the way of the WHATWG's URL standard: spaces and
// controls around it and tabs and line ends within it say nothing, slashes and
// backslashes are the same, any number of them leads to the host, and all up to
// the last @ is a user. What it would percent-decode or take for a number is
// returned as it is, and so is not the name of a loopback host.
func browserReads(address string) (scheme, host string) {
	address = strings.TrimFunc(address, func(r rune) bool { return r <= ' ' })
	address = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(address)
	scheme, rest, _ := strings.Cut(address, ":")
	scheme = strings.ToLower(scheme)
	if scheme != "http" {
		return scheme, ""
	}
	rest = strings.TrimLeft(rest, `/\`)
	if end := strings.IndexAny(rest, `/\?#`); end >= 0 {
		rest = rest[:end]
	}
	host = rest[strings.LastIndex(rest, "@")+1:]
	if end := strings.LastIndex(host, ":"); end > strings.LastIndex(host, "]") {
		host = host[:end]
	}
	return scheme, strings.ToLower(host)
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
		"BCDF\u3164GHJK", "BCDF\uffa0GHJK", "BCDFGHJK\u115f\u1160", "BCDF\u17b4GHJK", "BCDF\u180eGHJK", // letters that nobody sees
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
		key := code.key()
		userCode, ok := key.userCode()
		state, verifier := key.state(), key.verifier().Reveal()
		if !ok || !shape.MatchString(string(userCode)) || !IsState(state) || len(verifier) != 43 {
			t.Fatalf("%s, %t, %s, %s", userCode, ok, state, verifier)
		}
		for _, text := range []string{string(userCode), state, verifier} {
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
