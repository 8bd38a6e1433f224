package web

import (
	"regexp"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/web/text"
)

var deviceViews = []DeviceView{DeviceAsk, DeviceConfirm}

// device renders the device page and returns it with its white space folded.
func device(t *testing.T, data DeviceData) string {
	t.Helper()
	page, err := newPages().Render(text.English, "/", data)
	if err != nil {
		t.Fatal(err)
	}
	shown, _, _ := strings.Cut(string(page), "<footer")
	return strings.Join(strings.Fields(shown), " ")
}

func wantAll(t *testing.T, page string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
}

// TestDeviceFormsPostTheirFields, and only the views that ask have a form.
func TestDeviceFormsPostTheirFields(t *testing.T) {
	named := regexp.MustCompile(`<(?:input|button)[^>]* name="([^"]+)"`)
	for view, want := range map[DeviceView]string{DeviceAsk: "user_code", DeviceConfirm: "user_code decision decision"} {
		page := device(t, DeviceData{View: view, UserCode: "WDJB-MJHT", Host: "stackoverflow.com"})
		wantAll(t, page, `method="post" action="/device"`, `value="WDJB-MJHT"`)
		var names []string
		for _, match := range named.FindAllStringSubmatch(page, -1) {
			names = append(names, match[1])
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("view %s posts %s, not %s", view, got, want)
		}
	}
	wantAll(t, device(t, DeviceData{View: DeviceConfirm, UserCode: "WDJB-MJHT", Host: "stackoverflow.com"}),
		`<b>B</b><i>-</i><b>M</b>`,
		`<input type="hidden" name="user_code" value="WDJB-MJHT">`,
		`name="decision" value="continue"><span>Yes – continue to <bdi>stackoverflow.com</bdi></span></button>`,
		`name="decision" value="decline">I didn’t start this</button>`)
}

// TestDeviceLeavesTheUserAlone: one heading, and nothing focused but a code to mend.
func TestDeviceLeavesTheUserAlone(t *testing.T) {
	for _, view := range deviceViews {
		page := strings.ToLower(device(t, DeviceData{View: view, UserCode: "WDJB-MJHT", Host: "stackoverflow.com"}))
		for _, banned := range []string{"autofocus", "placeholder="} {
			if strings.Contains(page, banned) {
				t.Errorf("view %s has %s", view, banned)
			}
		}
		if got := strings.Count(page, "<h1"); got != 1 {
			t.Errorf("view %s has %d main headings", view, got)
		}
	}
}

func TestDeviceExplainsScopes(t *testing.T) {
	const identity = "<li>know who you are: your name and public profile</li>"
	page := device(t, DeviceData{View: DeviceConfirm, Scopes: []string{
		"read_inbox", "write_access", "private_info", "no_expiry", "access_team|stackoverflow.com/c/example", "make_tea",
	}})
	wantAll(t, page, "<ul> "+identity,
		"<li>read your inbox and notifications</li>",
		"<li>post, edit, comment and vote as you</li>",
		"<li>see private information about your account",
		"<li>keep its access until you take it back</li>",
		"<li>see the private team <bdi><code>stackoverflow.com/c/example</code></bdi></li>",
		"<li><bdi><code>make_tea</code></bdi></li>")
	for _, word := range []string{"read_inbox", "write_access", "private_info", "no_expiry", "access_team"} {
		if strings.Contains(page, word) {
			t.Errorf("the page shows %s, which says nothing to a user", word)
		}
	}
	wantAll(t, device(t, DeviceData{View: DeviceConfirm}), "<ul> "+identity+" </ul>")
	page = device(t, DeviceData{View: DeviceConfirm, Scopes: []string{
		"access_team", "manage_collective_recommendations", "manage_collective_reports", "read_inbox|elsewhere",
	}})
	wantAll(t, page,
		"<li>see a private team that you choose</li>",
		"<li>recommend answers in your Collectives</li>",
		"<li>create and read reports on your Collectives</li>",
		"<li><bdi><code>read_inbox|elsewhere</code></bdi></li>")
}

func TestDeviceSaysWhenItAsked(t *testing.T) {
	for minutes, want := range map[int]string{0: "just now", 1: "1 minute ago", 5: "5 minutes ago"} {
		wantAll(t, device(t, DeviceData{View: DeviceConfirm, Minutes: minutes}), "<span>asked "+want+"&nbsp;·</span>")
	}
}

func TestDeviceAnnouncesAnUnknownCode(t *testing.T) {
	page := device(t, DeviceData{View: DeviceAsk, UserCode: "wdjb", Unknown: true})
	wantAll(t, page, `id="unknown" role="alert"`, `aria-describedby="unknown hint" aria-invalid="true" autofocus`, `value="wdjb"`,
		"<title>Error: ")
	page = device(t, DeviceData{View: DeviceAsk})
	if strings.Contains(page, `role="alert"`) || strings.Contains(page, "aria-invalid") {
		t.Error("a page that was just opened announces an error")
	}
}

func TestDeviceNamesTheSandbox(t *testing.T) {
	for _, sandbox := range []bool{false, true} {
		page := device(t, DeviceData{View: DeviceConfirm, Host: "localhost:8080", Sandbox: sandbox})
		if strings.Contains(page, "not the real Stack Exchange") != sandbox {
			t.Errorf("with sandbox %t the page says otherwise", sandbox)
		}
	}
}

func TestProblemsOfASignIn(t *testing.T) {
	for name, want := range map[string]string{"wrong_browser": "browser", "unknown_sign_in": "over", "bad_client": "app", "bad_redirect": "app"} {
		if got := (ProblemData{Status: 400, Name: name}).Kind(); got != want {
			t.Errorf("%s is of kind %s, not %s", name, got, want)
		}
	}
}

// TestDevicePutsNoFirst where the app would act as the user, or have no end.
func TestDevicePutsNoFirst(t *testing.T) {
	buttons := regexp.MustCompile(`<button( class="primary")? name="decision" value="(\w+)"`)
	for scopes, want := range map[string]string{
		"":                        "continue",
		"read_inbox private_info": "continue",
		"write_access":            "decline",
		"read_inbox no_expiry":    "decline",
		"no_expiry|x":             "decline",
		"write_accessories":       "continue",
	} {
		page := device(t, DeviceData{View: DeviceConfirm, Scopes: strings.Fields(scopes)})
		got := buttons.FindAllStringSubmatch(page, -1)
		if len(got) != 2 || got[0][2] != want || got[0][1] == "" || got[1][1] != "" || got[0][2] == got[1][2] {
			t.Errorf("%q: %q", scopes, got)
		}
	}
}

// TestDeviceListsTheStrongFirst, where they can be seen.
func TestDeviceListsTheStrongFirst(t *testing.T) {
	page := device(t, DeviceData{View: DeviceConfirm, Scopes: []string{"read_inbox", "no_expiry", "private_info", "write_access"}})
	wantAll(t, page, "public profile</li> <li>keep its access until you take it back</li> <li>post, edit, comment and vote as you</li> <li>read your inbox")
}

// TestDeviceElsewhere says so instead of "in front of you".
func TestDeviceElsewhere(t *testing.T) {
	const there, here = "on a different network from this browser", "on a device in front of you"
	for _, elsewhere := range []bool{false, true} {
		page := device(t, DeviceData{View: DeviceConfirm, Elsewhere: elsewhere})
		if strings.Contains(page, there) != elsewhere || strings.Contains(page, here) == elsewhere {
			t.Errorf("%v: %s", elsewhere, page)
		}
	}
	wantAll(t, device(t, DeviceData{View: DeviceConfirm, Elsewhere: true}),
		"right for a server that you are logged in to", "wrong if somebody sent you a link")
}
