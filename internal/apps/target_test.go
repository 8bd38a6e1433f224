package apps

import (
	"bufio"
	"fmt"
	"net"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
)

// hostile returns the redirect URIs in testdata/hostile.txt.
func hostile(t *testing.T) (uris []string) {
	t.Helper()
	file, err := os.Open("testdata/hostile.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		uri, err := strconv.Unquote(lines.Text())
		if err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		uris = append(uris, uri)
	}
	return uris
}

func appWith(id int, uris string) string {
	return fmt.Sprintf("[[app]]\nclient_id = \"%d\"\nname = \"App %c\"\nredirect_uris = [%s]\n", id, 'A'+id, uris)
}

// TestHostileTargets are refused by the list, each for a reason that names it.
func TestHostileTargets(t *testing.T) {
	uris := hostile(t)
	if len(uris) < 60 {
		t.Fatalf("there are only %d", len(uris))
	}
	for _, uri := range uris {
		if target, err := parseTarget(uri); err == nil {
			t.Errorf("%q is %+v", uri, target)
		}
		_, err := parse(appWith(1, escaped(uri)))
		if err == nil || !strings.HasPrefix(err.Error(), "apps.toml:4: redirect_uris: \"") {
			t.Errorf("%q: %v", uri, err)
		}
	}
	if _, err := parseTarget("https://app.acme.example/" + strings.Repeat("a", maxURL)); err == nil {
		t.Error("a target may be as long as it likes")
	}
}

// escaped is a text in TOML that may have any character.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		fmt.Fprintf(&b, `\U%08X`, r)
	}
	return `"` + b.String() + `"`
}

func TestTargets(t *testing.T) {
	const chromium, firefox = "aaaabbbbccccddddeeeeffffgggghhhp", "0123456789abcdef0123456789abcdef01234567"
	for _, test := range []struct {
		want   Target
		source string
	}{
		{Target{"vscode://acme.inbox/callback", EditorTarget, "VS Code", "acme.inbox", ""}, "vscode:"},
		{Target{"vscode://acme.inbox", EditorTarget, "VS Code", "acme.inbox", ""}, "vscode:"},
		{Target{"vscode://acme-gmbh.inbox-2/a/b_c.d~e/", EditorTarget, "VS Code", "acme-gmbh.inbox-2", ""}, "vscode:"},
		{Target{"vscode-insiders://acme.inbox/cb", EditorTarget, "VS Code Insiders", "acme.inbox", ""}, "vscode-insiders:"},
		{Target{"vscodium://acme.inbox/cb", EditorTarget, "VSCodium", "acme.inbox", ""}, "vscodium:"},
		{Target{"code-oss://acme.inbox/cb", EditorTarget, "Code - OSS", "acme.inbox", ""}, "code-oss:"},
		{Target{"cursor://acme.inbox/cb", EditorTarget, "Cursor", "acme.inbox", ""}, "cursor:"},
		{Target{"windsurf://acme.inbox/cb", EditorTarget, "Windsurf", "acme.inbox", ""}, "windsurf:"},
		{Target{"zed://acme-inbox/cb", EditorTarget, "Zed", "acme-inbox", ""}, "zed:"},
		{Target{"zed://acme.inbox/cb", EditorTarget, "Zed", "acme.inbox", ""}, "zed:"},
		{Target{"jetbrains://com.acme.inbox/cb", EditorTarget, "JetBrains IDE", "com.acme.inbox", ""}, "jetbrains:"},
		{Target{"jetbrains://idea/acme-inbox/cb", EditorTarget, "JetBrains IDE", "acme-inbox", ""}, "jetbrains:"},
		{Target{"jetbrains://php-storm/com.acme.inbox", EditorTarget, "JetBrains IDE", "com.acme.inbox", ""}, "jetbrains:"},
		{Target{"https://" + chromium + ".chromiumapp.org/", ExtensionTarget, "", chromium, ""}, "https://" + chromium + ".chromiumapp.org"},
		{Target{"https://" + chromium + ".chromiumapp.org/cb", ExtensionTarget, "", chromium, ""}, "https://" + chromium + ".chromiumapp.org"},
		{Target{"https://" + firefox + ".extensions.allizom.org/cb", ExtensionTarget, "", firefox, ""}, "https://" + firefox + ".extensions.allizom.org"},
		{Target{"https://app.acme.example/callback", LinkTarget, "", "", "app.acme.example"}, "https://app.acme.example"},
		{Target{"https://acme.example/", LinkTarget, "", "", "acme.example"}, "https://acme.example"},
	} {
		if got, err := parseTarget(test.want.URI); err != nil || got != test.want || got.Source() != test.source {
			t.Errorf("%s is %+v from %s (%v)", test.want.URI, got, got.Source(), err)
		}
	}
}

// FuzzTarget holds what is accepted against what Go's parser of URLs makes of it.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{
		"vscode://acme.inbox/callback", "zed://acme", "jetbrains://idea/acme/cb", "https://app.acme.example/cb",
		"https://aaaabbbbccccddddeeeeffffgggghhhh.chromiumapp.org/", "https://a.b@c.example/", "vscode://a.b/../c", "https://1.2.3.4/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, err := parseTarget(text)
		if err != nil {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.String() != text || u.Host == "" || u.Host != strings.ToLower(u.Host) || u.Port() != "" || u.User != nil ||
			u.Opaque != "" || u.RawQuery != "" || u.ForceQuery || strings.ContainsAny(text, "#%\\*\t\r\n ;,'\"") {
			t.Errorf("%q is accepted: %+v (%v)", text, u, err)
		}
		if clean := path.Clean("/" + u.Path); clean != "/"+strings.Trim(u.Path, "/") {
			t.Errorf("%q has the path %q", text, u.Path)
		}
		if editor := editors[u.Scheme]; editor != target.Editor || (editor == "") != (u.Scheme == "https") || !strings.HasPrefix(text, target.Source()) {
			t.Errorf("%q is %+v from %s", text, target, target.Source())
		}
		if target.Kind == LinkTarget && (target.Host != u.Host || net.ParseIP(u.Hostname()) != nil || !strings.Contains(u.Host, ".")) {
			t.Errorf("%q is %+v", text, target)
		}
	})
}

// TestTargetsOfOneApp: a URI belongs to the client id of its entry, as it is written
// there.
func TestTargetsOfOneApp(t *testing.T) {
	l := mustParse(t, appWith(1, `"vscode://acme.inbox/callback", "cursor://acme.inbox/callback"`)+
		appWith(2, `"https://app.acme.example/two"`)+appWith(3, `"https://app.acme.example/three"`)+appWith(4, ""))
	p := Policy{List: func() *List { return l }}
	for _, test := range []struct {
		client, uri string
		want        bool
	}{
		{"1", "vscode://acme.inbox/callback", true},
		{"01", "vscode://acme.inbox/callback", true},
		{"1", "cursor://acme.inbox/callback", true},
		{"1", "vscode://acme.inbox/callback/", false},
		{"1", "vscode://acme.inbox/callbac", false},
		{"1", "vscode://acme.inbox", false},
		{"1", "https://app.acme.example/two", false},
		{"2", "vscode://acme.inbox/callback", false},
		{"3", "https://app.acme.example/three", true},
		{"4", "https://app.acme.example/three", false},
		{"5", "vscode://acme.inbox/callback", false},
		{"", "", false},
	} {
		if target, ok := p.Target(test.client, test.uri); ok != test.want || ok && target.URI != test.uri {
			t.Errorf("%s at %s: %+v, %t", test.uri, test.client, target, ok)
		}
	}
	if _, ok := (Policy{}).Target("1", "vscode://acme.inbox/callback"); ok {
		t.Error("without a list there is a target")
	}
}

// TestTargetsOfTwoApps: what one extension gets is not another app's.
func TestTargetsOfTwoApps(t *testing.T) {
	const chromium = "https://aaaabbbbccccddddeeeeffffgggghhhh.chromiumapp.org/"
	for _, test := range []struct {
		one, two string
		fine     bool
	}{
		{"vscode://acme.inbox/a", "vscode://acme.inbox/a", false},
		{"vscode://acme.inbox/a", "vscode://acme.inbox/b", false},
		{"vscode://acme.inbox/a", "vscode-insiders://acme.inbox/a", true},
		{"jetbrains://idea/acme/a", "jetbrains://pycharm/acme/b", false},
		{chromium, chromium + "cb", false},
		{"https://app.acme.example/a", "https://app.acme.example/a", false},
		{"https://app.acme.example/a", "https://app.acme.example/b", true},
	} {
		_, err := parse(appWith(1, `"`+test.one+`"`) + appWith(2, `"`+test.two+`"`))
		if want := "apps.toml:8: redirect_uris: \"" + test.two + "\" leads to the app in line 1, too"; (err == nil) != test.fine ||
			err != nil && err.Error() != want {
			t.Errorf("%s and %s: %v", test.one, test.two, err)
		}
		if _, err := parse(appWith(1, `"`+test.one+`", "`+test.one+`x"`)); err != nil {
			t.Errorf("%s and another in one entry: %v", test.one, err)
		}
	}
}
