package registration

import (
	"net/url"
	"strings"
	"testing"
)

// TestProgram: the program has the author's values, and is there for programs on a
// computer of their own.
func TestProgram(t *testing.T) {
	for _, tt := range []struct {
		platform Platform
		oauth    bool
		want     string // the part that differs
	}{
		{Desktop, true, "/oauth/authorize"},
		{CommandLine, true, "/oauth/authorize"},
		{Script, true, "/oauth/device_authorization"},
		{BrowserExtension, true, ""},
		{Mobile, true, ""},
		{Desktop, false, ""},
	} {
		c := Choice{tt.platform, []Need{Inbox, NoExpiry}, "12345", server, tt.oauth, upstream, publicAPI, false, "", ""}
		program := Advise(c).Program.Text
		if (program == "") != (tt.want == "") || !strings.Contains(program, tt.want) {
			t.Errorf("%s, %t: %s", tt.platform, tt.oauth, program)
		}
		assignments := `SERVER = "https://auth.example.org:8443"
CLIENT_ID = "12345"
SCOPE = "read_inbox no_expiry"
ME = "https://api.stackexchange.com/2.3/me?site=stackoverflow"
`
		if tt.want != "" && !strings.Contains(program, assignments) {
			t.Errorf("%s: %s", tt.platform, program)
		}
		c.ClientID, c.OneSite = "", true
		if got := Advise(c).Program.Text; tt.want != "" && (!strings.Contains(got, `"CLIENT_ID"`) || !strings.Contains(got, `/2.3/me"`)) {
			t.Errorf("%s: %s", tt.platform, got)
		}
	}
}

// TestPrograms: each language has a program for each of its ways, with all values in
// their places.
func TestPrograms(t *testing.T) {
	paths := map[FlowName]string{
		Loopback: "/oauth/authorize", Device: "/oauth/device_authorization", Relay: "/auth/token",
	}
	texts := map[string]bool{}
	for _, language := range Languages() {
		for _, way := range Ways {
			c := Choice{"", []Need{Write}, "12345", server, true, upstream, publicAPI, false, way, language}
			plan := Advise(c)
			text := plan.Program.Text
			if plan.Flow.Name != way || (text == "") != (language == Curl && way == Loopback) || text != "" && texts[text] {
				t.Errorf("%s, %s: %s\n%s", language.Name(), way, plan.Flow.Name, text)
			}
			texts[text] = true
			want := []string{"https://auth.example.org:8443", "12345", "write_access"}
			switch {
			case text == "":
				continue
			case language == Command:
				want = append(want, "--flow "+string(way))
			case language != Go || way != Relay: // whose client knows the paths
				want = append(want, paths[way], "https://api.stackexchange.com/2.3/me?site=stackoverflow")
			}
			for _, part := range want {
				if !strings.Contains(text, part) || strings.Contains(text, "__") {
					t.Errorf("%s, %s: no %s in\n%s", language, way, part, text)
				}
			}
		}
	}
}

// TestInSandbox: the variant for a server on the author's machine is what that
// server itself offers.
func TestInSandbox(t *testing.T) {
	local := &url.URL{Scheme: "http", Host: "localhost:8080"}
	for _, language := range Languages() {
		for _, way := range Ways {
			elsewhere := Choice{"", []Need{Inbox}, "12345", server, false, upstream, publicAPI, true, way, language}
			there := Choice{"", []Need{Inbox}, "1", local, true, local.JoinPath("sandbox"), local.JoinPath("sandbox/2.3"), false, way, language}
			if got, want := Advise(elsewhere.InSandbox()).Program, Advise(there).Program; got != want {
				t.Errorf("%s, %s: %+v, want %+v", language, way, got, want)
			}
		}
	}
}
