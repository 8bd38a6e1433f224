//go:build integration

// Package lab_test plays attacks on a sign-in: an attacker and a victim on networks of
// their own, and the real binary between them. What comes of it has to be what
// docs/cases.md says.
package lab_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	qr "github.com/piglig/go-qr"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/scripted"
	"github.com/desktop-stack-serv/dss/internal/web/text"
	"github.com/desktop-stack-serv/dss/test/program"
	"github.com/desktop-stack-serv/dss/test/selfsigned"
)

const serverHost = "dss.example"

var binary string

func TestMain(m *testing.M) {
	if binary = os.Getenv(namespaced); binary != "" {
		os.Exit(m.Run())
	}
	program.Main(m.Run, program.Raced(&binary))
}

// lab is a server between two networks.
type lab struct {
	t     *testing.T
	url   string
	trips map[string]http.RoundTripper // by network
	codes chan string                  // the network of each code that reaches a redirect URI
	apps  int                          // how many client IDs have been used
}

// Redirect URIs: of apps on their own machine, and of the one that is listed.
const (
	appRedirect    = "http://127.0.0.1:8910/callback"
	editorRedirect = "vscode://acme.inbox/callback"
)

const listed = `
[[app]]
client_id = "90"
name = "Acme Inbox"
redirect_uris = ["` + editorRedirect + `"]
`

func startLab(t *testing.T) *lab {
	t.Helper()
	startNetworks(t)
	listen := serverAddress + ":8443"
	certificate, key, roots := selfsigned.Files(t, t.TempDir(), serverHost)
	l := &lab{t: t, url: "https://" + serverHost + ":8443", codes: make(chan string, 10)}
	apps := filepath.Join(t.TempDir(), "apps.toml")
	if err := os.WriteFile(apps, []byte(listed), 0o600); err != nil {
		t.Fatal(err)
	}
	program.Start(t, binary, "--listen", listen, "--public-url", l.url, "--tls-cert", certificate, "--tls-key", key,
		"--store", "memory:", "--sandbox=remote", "--apps", apps)
	l.trips = map[string]http.RoundTripper{}
	for _, name := range []string{"attacker", "victim"} {
		l.trips[name] = withEditor(transportIn(name, roots), name, l.codes)
		listenIn(t, name, strings.TrimSuffix(strings.TrimPrefix(appRedirect, "http://"), "/callback"), l.codes)
	}
	return l
}

// ask sends the request of an app in a network; its answer is JSON.
func (l *lab) ask(network, path string, form url.Values) map[string]any {
	l.t.Helper()
	app := http.Client{Transport: l.trips[network], Timeout: time.Minute}
	response, err := app.PostForm(l.url+path, form)
	if err != nil {
		l.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		l.t.Fatal(err)
	}
	return answer
}

// browser is a person's, with all that they meet in it.
type browser struct {
	*scripted.Browser
	lab *lab
	met []string
}

func (l *lab) browser(network string) *browser {
	b := scripted.New()
	b.Transport = l.trips[network]
	return &browser{Browser: b, lab: l}
}

// open opens a link, and goes on as [browser.goOn] does.
func (b *browser) open(link string, user scripted.User) {
	b.lab.t.Helper()
	page, err := b.Open(link)
	b.goOn(page, err, user)
}

// typeCode types a user code on the device page, and goes on.
func (b *browser) typeCode(code string, user scripted.User) {
	b.lab.t.Helper()
	page, err := b.Open(b.lab.url + "/device")
	if err == nil {
		page, err = b.Type(page, "user_code", code)
	}
	b.goOn(page, err, user)
}

// goOn presses what a user wants until no page has a button for it, or until the
// browser leaves for an app.
func (b *browser) goOn(page scripted.Page, err error, user scripted.User) {
	b.lab.t.Helper()
	for range 10 {
		if err != nil {
			b.lab.t.Fatal(err)
		}
		b.see(page)
		pressed := false
		for _, decision := range user {
			if pressed = page.Has(decision); pressed {
				page, err = b.Press(page, decision)
				break
			}
		}
		if !pressed {
			return
		}
	}
	b.lab.t.Fatalf("%s: no end", page.URL)
}

// elsewhere is the warning about a device on another network, as on a page.
func elsewhere(t *testing.T) string {
	t.Helper()
	warning, err := text.English.HTML("device.warning.elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	return string(warning)
}

// see notes what a page of DSS asks or says.
func (b *browser) see(page scripted.Page) {
	switch {
	case page.Has("approve"): // of Stack Exchange
	case page.Has("continue") && strings.Contains(page.Body, elsewhere(b.lab.t)):
		b.met = append(b.met, "a question, and that another network asks")
	case page.Has("continue"), page.Has("finish"):
		b.met = append(b.met, "a question")
	case strings.HasSuffix(page.URL.Path, "/"+api.WrongBrowser):
		b.met = append(b.met, "“start again”")
	}
}

// upstream is the address at Stack Exchange to which a link leads: whoever follows it
// sees it in the browser.
func (b *browser) upstream(link string) string {
	b.lab.t.Helper()
	b.open(link, scripted.User{"continue"})
	last := b.Visited[len(b.Visited)-1]
	if !isStackExchange(last) {
		b.lab.t.Fatalf("%s does not lead to Stack Exchange, but to %s", link, last)
	}
	return last
}

// remember has Stack Exchange approve apps that a user has approved before without
// asking.
func (l *lab) remember() {
	l.t.Helper()
	b := l.browser("victim")
	page, err := b.Open(l.url + "/sandbox/switches")
	if err == nil {
		page, err = b.Type(page, "sandbox_decision", "once")
	}
	if err != nil || page.Status != http.StatusOK {
		l.t.Fatal(page.Status, err)
	}
}

// newApp is an app of somebody in a network.
func (l *lab) newApp(network string) app {
	l.apps++
	return app{l, network, strconv.Itoa(100 + l.apps)}
}

// approved is an app of an attacker that the victim has used before, so that Stack
// Exchange approves without asking.
func (l *lab) approved() app {
	l.t.Helper()
	a := l.newApp("attacker")
	l.browser("victim").open(a.implicit().link, scripted.User{"approve"})
	return a
}

// attacks are what an attacker tries, by the name in docs/cases.md. Each returns what
// the attacker gets, or an app of the victim's.
var attacks = map[string]func(l *lab, victim *browser, user scripted.User) string{
	"a link of the device grant": func(l *lab, victim *browser, user scripted.User) string {
		s, _ := l.newApp("attacker").device()
		victim.open(s.link, user)
		return s.gain()
	},
	"… as a QR code": func(l *lab, victim *browser, user scripted.User) string {
		s, _ := l.newApp("attacker").device()
		victim.open(throughCamera(l.t, s.link), user)
		return s.gain()
	},
	"… after consent to the same app": func(l *lab, victim *browser, user scripted.User) string {
		s, _ := l.approved().device()
		victim.open(s.link, user)
		return s.gain()
	},
	"a user code": func(l *lab, victim *browser, user scripted.User) string {
		s, code := l.newApp("attacker").device()
		victim.typeCode(code, user)
		return s.gain()
	},
	"a link of the relay, implicit grant": func(l *lab, victim *browser, user scripted.User) string {
		s := l.newApp("attacker").implicit()
		victim.open(s.link, user)
		return s.gain()
	},
	"a link of the relay, code grant": func(l *lab, victim *browser, user scripted.User) string {
		s := l.newApp("attacker").relay()
		victim.open(s.link, user)
		return s.gain()
	},
	"a link of the relay after consent": func(l *lab, victim *browser, user scripted.User) string {
		s := l.approved().relay()
		victim.open(s.link, user)
		return s.gain()
	},
	"a link of the code grant": func(l *lab, victim *browser, user scripted.User) string {
		s := l.newApp("attacker").code(appRedirect, "")
		victim.open(s.link, user)
		return s.gain()
	},
	"a link of the code grant after consent": func(l *lab, victim *browser, user scripted.User) string {
		s := l.approved().code(appRedirect, "")
		victim.open(s.link, user)
		return s.gain()
	},
	"a link to a listed redirect URI": func(l *lab, victim *browser, user scripted.User) string {
		s := app{l, "attacker", "90"}.code(editorRedirect, "")
		victim.open(s.link, user)
		return s.gain()
	},
	"an address at Stack Exchange, from the device grant": func(l *lab, victim *browser, user scripted.User) string {
		s, _ := l.newApp("attacker").device()
		victim.open(l.browser("attacker").upstream(s.link), user)
		return s.gain()
	},
	"an address at Stack Exchange, from the code grant": func(l *lab, victim *browser, user scripted.User) string {
		s := l.newApp("attacker").code(appRedirect, "")
		victim.open(l.browser("attacker").upstream(s.link), user)
		return s.gain()
	},
	"… with direct redemption": func(l *lab, victim *browser, user scripted.User) string {
		s := l.newApp("attacker").code(appRedirect, "direct")
		victim.open(l.browser("attacker").upstream(s.link), user)
		return s.gain()
	},
	"the victim's address at Stack Exchange, from the relay": func(l *lab, _ *browser, _ scripted.User) string {
		s := l.newApp("victim").relay()
		l.browser("attacker").open(s.link, scripted.Approves)
		return s.gain()
	},
	"… from the code grant": func(l *lab, _ *browser, _ scripted.User) string {
		s := l.newApp("victim").code(appRedirect, "")
		l.browser("attacker").open(l.browser("victim").upstream(s.link), scripted.Approves)
		return s.gain()
	},
}

// throughCamera returns what a phone reads from the QR code of a link.
func throughCamera(t *testing.T, link string) string {
	t.Helper()
	code, err := qr.EncodeText(link, qr.Low)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := code.ToImage(qr.NewQrCodeImgConfig(4, 4))
	if err != nil {
		t.Fatal(err)
	}
	text, err := qr.Decode(picture)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestAttackLab plays every attack on a victim who says no wherever they are asked, and
// on one who agrees to everything. The outcomes are those of the table in
// docs/cases.md.
func TestAttackLab(t *testing.T) {
	if !inNamespaces(t) {
		return
	}
	l := startLab(t)
	l.remember()
	rows := table(t, "../../docs/cases.md", "## The attack lab")
	if len(rows) != len(attacks) {
		t.Errorf("%d rows for %d attacks", len(rows), len(attacks))
	}
	for _, row := range rows {
		t.Run(row[0], func(t *testing.T) {
			play, ok := attacks[row[0]]
			if !ok {
				t.Fatal("no such attack")
			}
			victim := l.browser("victim")
			wary := play(l, l.browser("victim"), scripted.Cancels)
			trusting := play(l, victim, scripted.Approves)
			if got := []string{row[0], strings.Join(victim.met, "; "), wary, trusting}; !slices.Equal(got, row) {
				t.Errorf("got  %q\nwant %q", got, row)
			}
		})
	}
}

// table reads the first table under a heading of a file, without its head.
func table(t *testing.T, file, heading string) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), heading+"\n")
	_, body, _ := strings.Cut(section, "|---|---|---|---|\n")
	for line := range strings.Lines(body) {
		cells := strings.Split(strings.Trim(line, "| \n"), "|")
		if len(cells) < 4 {
			break
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}
