package apps

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/pattern"
)

// Target is a redirect URI of an app that is neither loopback nor private-use: an
// editor's, a browser extension's, or a link that an app has claimed. A request
// must have exactly the URI in the list. Only plain forms of a URI are targets, so
// that all programs on its way read the same.
type Target struct {
	URI       string
	Kind      TargetKind
	Editor    string // as people call it, such as VS Code; of [EditorTarget]
	Extension string // what the editor or browser hands the URI to, such as acme.inbox; "" for [LinkTarget]
	Host      string // of [LinkTarget]
}

// TargetKind says what a browser opens.
type TargetKind string

// The kinds.
const (
	EditorTarget    TargetKind = "editor"    // a program, by its scheme; the extension is the authority
	ExtensionTarget TargetKind = "extension" // of the browser, which never asks the network for the host
	LinkTarget      TargetKind = "link"      // an app, if the platform has verified that it owns the host
)

// Source is the target in a Content-Security-Policy (CSP Level 3, section 2.3.1). A
// source with another scheme than http and https has no host.
func (t Target) Source() string {
	if t.Kind == EditorTarget {
		scheme, _, _ := strings.Cut(t.URI, ":")
		return scheme + ":"
	}
	return strings.Join(strings.SplitN(t.URI, "/", 4)[:3], "/")
}

// Opens says for operators what gets the code.
func (t Target) Opens() string {
	switch t.Kind {
	case EditorTarget:
		return t.Editor + ", extension " + t.Extension
	case ExtensionTarget:
		return "the browser's extension " + t.Extension
	}
	return "the app that Android or iOS has verified for it; without one, the website " + t.Host + " gets the code"
}

// editors are those whose schemes can be targets, by scheme.
var editors = map[string]string{
	"vscode": "VS Code", "vscode-insiders": "VS Code Insiders", "vscodium": "VSCodium", "code-oss": "Code - OSS",
	"cursor": "Cursor", "windsurf": "Windsurf", "zed": "Zed", "jetbrains": "JetBrains IDE",
}

// targetPath is a path without empty segments, escapes. [parseTarget]
// refuses dot segments.
const targetPath = `((?:/[A-Za-z0-9._~-]+)*/?)`

var (
	editorURI    = pattern.Lazy(`^([a-z-]+)://([a-z0-9-]+(?:\.[a-z0-9-]+)*)` + targetPath + `$`)
	httpsURI     = pattern.Lazy(`^https://([a-z0-9-]+(?:\.[a-z0-9-]+)+)` + targetPath + `$`)
	vsCodeID     = pattern.Lazy(`^[a-z0-9][a-z0-9-]*\.[a-z0-9][a-z0-9-]*$`)
	chromiumHost = pattern.Lazy(`^([a-p]{32})\.chromiumapp\.org$`)
	firefoxHost  = pattern.Lazy(`^([0-9a-f]{40})\.extensions\.allizom\.org$`)
)

// parseTarget reads a redirect URI of the list.
func parseTarget(text string) (Target, error) {
	scheme, _, _ := strings.Cut(text, ":")
	switch {
	case len(text) > maxURL:
		return Target{}, fmt.Errorf("it is longer than %d bytes", maxURL)
	case slices.ContainsFunc(strings.Split(text, "/"), isDots):
		return Target{}, errors.New("its path has a segment of dots")
	case scheme == "https":
		return parseHTTPS(text)
	case editors[scheme] != "":
		return parseEditor(text)
	case scheme == "http", strings.Contains(scheme, "."):
		return Target{}, errors.New("leave it out: loopback addresses and schemes with a dot are open to every app, " +
			"and other http to none")
	}
	return Target{}, errors.New("write an https URL, or one with an editor's scheme: vscode, vscode-insiders, vscodium, " +
		"code-oss, cursor, windsurf, zed or jetbrains")
}

func isDots(segment string) bool { return segment == "." || segment == ".." }

var errForm = errors.New("write it in its plainest form, as in vscode://acme.inbox/callback or " +
	"https://app.example.com/callback: small letters up to the path, and no user, port, query, fragment, escapes or " +
	"double slashes")

func parseEditor(text string) (Target, error) {
	match := editorURI().FindStringSubmatch(text)
	if match == nil {
		return Target{}, errForm
	}
	t := Target{URI: text, Kind: EditorTarget, Editor: editors[match[1]], Extension: match[2]}
	switch match[1] {
	case "jetbrains":
		return t.inJetBrains(strings.Split(match[3], "/"))
	case "zed":
		if slices.ContainsFunc(ofZed, func(own string) bool { return strings.HasPrefix(t.Extension, own) }) {
			return Target{}, fmt.Errorf("zed://%s is Zed's own, and not an extension's", t.Extension)
		}
		return t, nil
	}
	publisher, _, _ := strings.Cut(t.Extension, ".")
	switch {
	case !vsCodeID().MatchString(t.Extension):
		return Target{}, fmt.Errorf("%s is not the id of an extension: write publisher.name", t.Extension)
	case slices.Contains(ofEditors, publisher):
		return Target{}, fmt.Errorf("%s is a part of the editor, and not an extension of an app", t.Extension)
	}
	return t, nil
}

var (
	// ofEditors are the publishers of the extensions that editors come with, such as
	// vscode.git, which clones what an address names.
	ofEditors = []string{"vscode", "anysphere"}
	// ofZed are what Zed does itself with addresses that begin so (open_listener.rs).
	ofZed = []string{"agent", "channel", "extension", "file", "git", "open", "schemas", "settings", "skill", "ssh"}
	// ofJetBrains are commands of the IDEs themselves.
	ofJetBrains = []string{"checkout", "navigate", "open", "plugin", "plugins", "projects", "reviews", "settings"}
)

// inJetBrains finds the plugin: the authority is its id, which has a dot, or a
// product such as idea, and then the plugin's command follows (JBProtocolCommand in
// the IntelliJ platform).
func (t Target) inJetBrains(path []string) (Target, error) {
	if strings.Contains(t.Extension, ".") {
		return t, nil
	}
	if len(path) < 2 || path[1] == "" {
		return Target{}, errors.New("the command of the plugin is missing, as in jetbrains://idea/acme-inbox/callback")
	}
	if slices.Contains(ofJetBrains, strings.ToLower(path[1])) {
		return Target{}, fmt.Errorf("%s is a command of the IDE, and not a plugin's", path[1])
	}
	t.Extension = path[1]
	return t, nil
}

func parseHTTPS(text string) (Target, error) {
	match := httpsURI().FindStringSubmatch(text)
	if match == nil || match[2] == "" {
		return Target{}, errForm
	}
	host := match[1]
	for _, browser := range []*regexp.Regexp{chromiumHost(), firefoxHost()} {
		if id := browser.FindStringSubmatch(host); id != nil {
			return Target{URI: text, Kind: ExtensionTarget, Extension: id[1]}, nil
		}
	}
	if err := checkLinkHost(host); err != nil {
		return Target{}, err
	}
	return Target{URI: text, Kind: LinkTarget, Host: host}, nil
}

// checkLinkHost refuses hosts that no app can have claimed.
func checkLinkHost(host string) error {
	canonical, err := origin.Host("https", host)
	top := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case err != nil, canonical != host, origin.IsAddress(host),
		slices.ContainsFunc(strings.Split(host, "."), hyphenated):
		return fmt.Errorf("%s is not a host name", host)
	case strings.Contains(host, "chromiumapp") || strings.Contains(host, "allizom"):
		return errors.New("the host of an extension is 32 letters a to p before .chromiumapp.org, or 40 hexadecimal digits " +
			"before .extensions.allizom.org")
	case strings.HasPrefix(host, "xn--") || strings.Contains(host, ".xn--"):
		return fmt.Errorf("%s has letters that are not ASCII; write one that has none", host)
	case slices.Contains(notPublic, top):
		return fmt.Errorf("%s is not a host of the internet", host)
	case slices.ContainsFunc(redirectors, func(r string) bool { return host == r || strings.HasSuffix(host, "."+r) }):
		return fmt.Errorf("%s sends browsers on to other places", host)
	}
	return nil
}

func hyphenated(label string) bool {
	return strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-")
}

var (
	// notPublic are top-level names that mean another thing on each network.
	notPublic = []string{"arpa", "internal", "invalid", "lan", "local", "localhost", "onion"}
	// redirectors are hosts with addresses that lead wherever a query or path says, or
	// that show whatever is sent there to somebody else.
	redirectors = []string{
		"vscode.dev", "auth.expo.io", "oauth.pstmn.io", "oauthdebugger.com", "oidcdebugger.com", "jwt.ms", "webhook.site",
		"google.com", "facebook.com", "youtube.com", "linkedin.com", "t.co", "lnkd.in", "bit.ly", "tinyurl.com", "goo.gl",
		"aka.ms", "href.li", "is.gd", "ow.ly", "rebrand.ly", "slack-redir.net",
	}
)

// receiver names the program that gets what is sent to a target. Two apps cannot
// have the same one.
func (t Target) receiver() string {
	if t.Kind == LinkTarget {
		return t.URI // which app on a host has claimed which path is not known
	}
	return string(t.Kind) + " " + t.Editor + " " + t.Extension
}
