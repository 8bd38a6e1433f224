package apps

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"strings"
	"testing"
)

// parse parses a list without icons.
func parse(text string) (*List, error) {
	return Parse("apps.toml", []byte(text), func(string) ([]byte, error) { return nil, os.ErrNotExist }, nil)
}

func mustParse(t *testing.T, text string) *List {
	t.Helper()
	l, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const full = `# Our apps.
[[app]]
client_id = "123"   # on Stack Apps
app_id = "inbox"
name = "Acme Inbox"
author = "Acme GmbH"
homepage = "https://example.com/inbox"
post = "https://stackapps.com/q/1"
shows_code = true
flows = [
  "code",
  "device", # on servers
]
scopes = ["read_inbox", "access_team|stackoverflow.com/c/acme"]
redirect_uris = ["vscode://acme.inbox/callback"]
limits = 2

[[app]]
app_id = "42"
name = "Привет"
blocked = """It spams."""
`

func TestParseReadsAllMembers(t *testing.T) {
	l := mustParse(t, full)
	p := Policy{List: func() *List { return l }}
	app := p.ByClientID("123")
	if app == nil || app != p.ByAppID("inbox") || p.ByAppID("123") != nil || p.ByClientID("42") != nil {
		t.Fatal("the apps are not found by their ids, or by others")
	}
	got := fmt.Sprintf("%+v", *app)
	want := "{ClientID:123 AppID:inbox Name:Acme Inbox Author:Acme GmbH Homepage:https://example.com/inbox " +
		"Post:https://stackapps.com/q/1 Icon: ShowsCode:true Flows:[code device] " +
		"Scopes:[read_inbox access_team|stackoverflow.com/c/acme] RedirectURIs:[{URI:vscode://acme.inbox/callback Kind:editor " +
		"Editor:VS Code Extension:acme.inbox Host:}] Limits:2 Blocked:}"
	if got != want {
		t.Errorf("%s, not %s", got, want)
	}
	if other := p.ByAppID("42"); other.Blocked != "It spams." || other.Limits != 1 || other.Flows != nil || other.Scopes != nil {
		t.Errorf("the defaults are %+v", other)
	}
	if l.Blocked() != 1 || len(l.All()) != 2 {
		t.Errorf("%d of %d are blocked", l.Blocked(), len(l.All()))
	}
}

var manyURIs = func() string {
	var uris []string
	for i := range maxRedirectURIs + 1 {
		uris = append(uris, fmt.Sprintf("\"zed://acme/%d\"", i))
	}
	return strings.Join(uris, ", ")
}()

// TestParseNamesTheLine of each mistake.
func TestParseNamesTheLine(t *testing.T) {
	const ok = "[[app]]\nclient_id = \"1\"\nname = \"One\"\n"
	for _, test := range []struct{ text, want string }{
		{"", `apps.toml:1: there is no [[app]]`},
		{ok + "nmae = \"x\"", `apps.toml:4: unknown member "nmae"`},
		{ok + "Name = \"x\"", `apps.toml:4: unknown member "Name"`},
		{ok + "redirect_uri = \"vscode://acme.inbox/\"", `apps.toml:4: unknown member "redirect_uri"`},
		{ok + "redirect_uris = \"vscode://acme.inbox/\"", `apps.toml:4: redirect_uris: write a list`},
		{ok + "redirect_uris = [\"http://127.0.0.1/\"]", `apps.toml:4: redirect_uris: "http://127.0.0.1/": leave it out`},
		{ok + "redirect_uris = [\"com.acme.inbox:/cb\"]", `apps.toml:4: redirect_uris: "com.acme.inbox:/cb": leave it out`},
		{ok + "redirect_uris = [\"zed://acme/\", \"zed://acme/\"]", `apps.toml:4: redirect_uris: "zed://acme/" is there twice`},
		{ok + "redirect_uris = [" + manyURIs + "]", `apps.toml:4: redirect_uris: there are more than 20`},
		{"[[app]]\napp_id = \"x\"\nname = \"One\"\nredirect_uris = []", `apps.toml:4: redirect_uris: the app has no client_id`},
		{ok + "name = \"x\"", `apps.toml:4: name is there twice`},
		{ok + "\"client_id\" = \"x\"", `apps.toml:4: client_id is there twice`},
		{ok + "name.first = \"x\"", `apps.toml:4: unknown member "first"`},
		{ok + "[app.more]\nx = 1", `apps.toml:4: unknown member "more"`},
		{ok + "[settings]\nx = 1", `apps.toml:4: unknown table "settings"`},
		{ok + "[[apps]]\nname = \"x\"", `apps.toml:4: unknown table "apps"`},
		{"[app]\nname = \"x\"", `apps.toml:1: write [[app]], with two brackets`},
		{"\nname = \"x\"\n" + ok, `apps.toml:2: name is outside of an app`},
		{"app = [{name = \"x\"}]\n", `apps.toml:1: unknown member "app"`},
		{"[[app]]\nname = \"One\"\n", `apps.toml:1: the app has neither client_id nor app_id`},
		{"[[app]]\nclient_id = \"1\"\n", `apps.toml:1: the app has no name`},
		{ok + "limits = \"2\"", `apps.toml:4: limits: write a factor`},
		{ok + "limits = 0", `apps.toml:4: limits: write a factor`},
		{ok + "limits = nan", `apps.toml:4: limits: write a factor`},
		{ok + "limits = 1e9", `apps.toml:4: limits: write a factor`},
		{ok + "blocked = true", `apps.toml:4: blocked: write a text, in quotes`},
		{ok + "blocked = \" \"", `apps.toml:4: blocked: it is empty`},
		{ok + "blocked = \"two\\nlines\"", `apps.toml:4: blocked: it must be one line`},
		{ok + "shows_code = \"yes\"", `apps.toml:4: shows_code: write true or false`},
		{ok + "flows = \"code\"", `apps.toml:4: flows: write a list`},
		{ok + "flows = [\"implicit\"]", `apps.toml:4: flows: "implicit" is not a flow`},
		{ok + "flows = []", `apps.toml:4: flows: it is empty`},
		{ok + "scopes = [\"a b\"]", `apps.toml:4: scopes: "a b" is not a scope`},
		{ok + "scopes = [\"a\", \"a\"]", `apps.toml:4: scopes: "a" is there twice`},
		{ok + "scopes = [1]", `apps.toml:4: scopes: write a text, in quotes`},
		{ok + "homepage = \"http://example.com\"", `apps.toml:4: homepage: write a URL that begins with https://`},
		{ok + "homepage = \"https://user@example.com\"", `apps.toml:4: homepage: write a URL`},
		{ok + "homepage = \"javascript:alert(1)\"", `apps.toml:4: homepage: write a URL`},
		{ok + "post = \"https://stаckapps.com\"", `apps.toml:4: post: write a URL`},
		{ok + "icon = \"none.png\"", `apps.toml:4: icon: file does not exist`},
		{"[[app]]\nclient_id = 1\nname = \"One\"", `apps.toml:2: client_id: write a text, in quotes`},
		{"[[app]]\nclient_id = \"01\"\nname = \"One\"", `apps.toml:2: client_id: "01" is not a client ID`},
		{"[[app]]\nclient_id = \"x\"\nname = \"One\"", `apps.toml:2: client_id: "x" is not a client ID`},
		{"[[app]]\napp_id = \"0\"\nname = \"One\"", `apps.toml:2: app_id: 0 stands for apps that send no app id`},
		{"[[app]]\napp_id = \"a b\"\nname = \"One\"", `apps.toml:2: app_id: `},
		{ok + "\n[[app]]\napp_id = \"1\"\nname = \"Two\"", `apps.toml:5: the app in line 1 has the id 1, too`},
		{ok + "[[app]]\napp_id = \"x\"\nname = \"0ne\"", `apps.toml:6: name: "0ne" looks like the name in line 3`},
		{"[[app]]\nname = \"One\nclient_id = \"1\"", `apps.toml:2: `},
		{"[[app]\nname = 1", `apps.toml:1: `},
		{strings.Repeat("[", 1<<20), `apps.toml:1: `},
		{"x = " + strings.Repeat("[", 1<<20), `apps.toml:1: `},
		{"\xff\xfe[\x00[\x00", `apps.toml:1: `},
	} {
		_, err := parse(test.text)
		if problem, ok := errors.AsType[*Problem](err); !ok || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%.80q: the error is %v (%v), not %s", test.text, err, problem, test.want)
		}
	}
}

func TestParseReportsSeveralMistakes(t *testing.T) {
	_, err := parse("[[app]]\nclient_id = \"1\"\nname = \"\"\nx = 1\n[[app]]\nclient_id = \"1\"\nname = \"B\"\n")
	if got := strings.Count(fmt.Sprint(err), "apps.toml:"); got != 3 {
		t.Errorf("%d mistakes are named: %v", got, err)
	}
	_, err = parse("[[app]]\n" + strings.Repeat("x = 1\n", 1000))
	if got := strings.Count(fmt.Sprint(err), "\n"); got != maxProblems || !strings.Contains(err.Error(), "and 981 more problems") {
		t.Errorf("%d lines: %v", got, err)
	}
}

func picture(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestIcons: a real PNG of a bounded size, from the folder of the list.
func TestIcons(t *testing.T) {
	folder := t.TempDir()
	good := picture(t, 64, 64)
	outside := t.TempDir() + "/outside.png"
	for name, content := range map[string][]byte{
		folder + "/good.png": good, outside: good,
		folder + "/svg.png":   []byte("<svg onload='alert(1)'/>"),
		folder + "/cut.png":   good[:len(good)-20],
		folder + "/wide.png":  picture(t, 64, 32),
		folder + "/huge.png":  picture(t, 2000, 2000),
		folder + "/large.png": append(bytes.Clone(good), make([]byte, maxIcon)...),
	} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, folder+"/link.png"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("good.png", folder+"/inner.png"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"good.png": "", "./good.png": "", "inner.png": "",
		"svg.png": "is not a PNG", "cut.png": "is not a whole PNG", "wide.png": "is not a square",
		"huge.png": "has 2000 pixels", "large.png": "is larger than 32 KiB",
		"link.png": "escapes", "../outside.png": "stays in the folder", outside: "stays in the folder",
		"none.png": "no such file", ".": "not a file",
	} {
		text := fmt.Sprintf("[[app]]\nclient_id = \"1\"\nname = \"One\"\nicon = %q\n", path)
		l, err := Parse("apps.toml", []byte(text), iconsIn(folder), nil)
		switch {
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: the error is %v, not that it %s", path, err, want)
		case want == "" && err != nil:
			t.Errorf("%s: %v", path, err)
		case want == "":
			if icon, ok := l.Icon(l.All()[0].Icon); !ok || !bytes.Equal(icon, good) {
				t.Errorf("%s is not served", path)
			}
		}
	}
}

// list10000 is a list of as many apps.
func list10000() []byte {
	var b bytes.Buffer
	for i := range 10_000 {
		name := []byte("aaaaaaaa")
		for j, n := 0, i; n > 0; j, n = j+1, n/20 {
			name[j] = "abcdefghjkmopqstuxyz"[n%20]
		}
		fmt.Fprintf(&b, "[[app]]\nclient_id = \"%d\"\napp_id = \"app-%d\"\nname = \"App %s\"\nauthor = \"An Author\"\n"+
			"homepage = \"https://example.com/apps\"\nscopes = [\"read_inbox\", \"no_expiry\"]\n\n", i+1, i+1, name)
	}
	return b.Bytes()
}

func BenchmarkParse10000(b *testing.B) {
	text := list10000()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse(string(text)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPermit(b *testing.B) {
	for name, text := range map[string][]byte{"apps=1": []byte(full), "apps=10000": list10000()} {
		l, err := parse(string(text))
		if err != nil {
			b.Fatal(err)
		}
		p := Policy{List: func() *List { return l }}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Permit(p.ByClientID("123"), FlowDevice, []string{"read_inbox"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("[[app]]\nclient_id='1'\nname='''\nA'''\r\nblocked=\"x\""))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := parse(string(text))
		if err != nil {
			return
		}
		for _, app := range l.All() {
			if app.Name == "" || app.ClientID == "" && app.AppID == "" || CheckName(app.Name) != nil {
				t.Errorf("an app is %+v", app)
			}
		}
	})
}
