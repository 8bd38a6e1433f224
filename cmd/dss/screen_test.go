package main

import (
	"image"
	"image/color"
	"strings"
	"testing"

	qr "github.com/piglig/go-qr"

	dss "github.com/desktop-stack-serv/dss"
)

const longURL = "http://localhost:8080/sandbox/oauth?client_id=7&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" +
	"&code_challenge_method=S256&redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Fauth%2Fredirect&scope=read_inbox+write_access" +
	"&state=s256.E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

// TestQR reads what terminals show of a QR code.
func TestQR(t *testing.T) {
	for name, c := range map[string]struct {
		env      map[string]string
		inkWhite bool // what the terminal writes in, without colours
	}{
		"colours":           {map[string]string{"TERM": "xterm-256color"}, false},
		"no colours, dark":  {map[string]string{"NO_COLOR": "1", "COLORFGBG": "15;0"}, true},
		"no colours, light": {map[string]string{"NO_COLOR": "1", "COLORFGBG": "0;15"}, false},
		"unknown":           {map[string]string{"NO_COLOR": "1"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			s := &screen{w: &b, columns: 80}
			s.readEnvironment(func(name string) string { return c.env[name] })
			s.drawQR(longURL)
			drawn := b.String()
			if strings.Contains(drawn, "\x1b") != s.colors {
				t.Errorf("escape sequences, or none:\n%q", drawn)
			}
			drawn = strings.NewReplacer("\x1b[38;5;16;48;5;231m", "", "\x1b[0m", "").Replace(drawn)
			if text, err := qr.Decode(picture(t, drawn, c.inkWhite)); err != nil || text != longURL {
				t.Errorf("reads %q: %v\n%s", text, err, drawn)
			}
		})
	}
}

// picture is what a camera sees.
func picture(t *testing.T, drawn string, inkWhite bool) image.Image {
	const scale = 4
	lines := strings.Split(strings.TrimRight(drawn, "\n"), "\n")
	width := len([]rune(lines[0]))
	if width > 80 {
		t.Fatalf("%d columns", width)
	}
	picture := image.NewGray(image.Rect(0, 0, width*scale, 2*len(lines)*scale))
	for y := range picture.Rect.Dy() {
		for x := range picture.Rect.Dx() {
			block := string([]rune(lines[y/scale/2])[x/scale])
			ink := block == "█" || block == []string{"▀", "▄"}[y/scale%2]
			if ink == inkWhite {
				picture.SetGray(x, y, color.Gray{255})
			}
		}
	}
	return picture
}

func TestNoQR(t *testing.T) {
	for name, s := range map[string]*screen{
		"no terminal": {}, "too narrow": {columns: 40, colors: true}, "too low": {columns: 80, rows: 24, colors: true},
		"dumb": {columns: 80, dumb: true},
	} {
		var b strings.Builder
		s.w = &b
		if s.drawQR(longURL); b.Len() > 0 {
			t.Errorf("%s: drawn all the same:\n%s", name, b.String())
		}
	}
}

// TestInstructions covers what the scripts cannot see: a terminal.
func TestInstructions(t *testing.T) {
	for name, c := range map[string]struct {
		signIn dss.SignIn
		opens  bool
		want   string
		qr     bool
	}{
		"loopback":        {dss.SignIn{Flow: dss.FlowLoopback, URL: longURL}, true, "Sign in with the browser that is opening", false},
		"loopback, alone": {dss.SignIn{Flow: dss.FlowLoopback, URL: longURL}, false, "on this machine:", false},
		"relay":           {dss.SignIn{Flow: dss.FlowRelay, URL: longURL, MatchCode: "ABC-DEF"}, true, "    ABC-DEF\n", false},
		"relay, alone":    {dss.SignIn{Flow: dss.FlowRelay, URL: longURL, MatchCode: "ABC-DEF"}, false, "    ABC-DEF\n", true},
		"device":          {dss.SignIn{Flow: dss.FlowDevice, URL: longURL, UserCode: "BCDF-\x1b[2J\u202eGHJK"}, false, "    BCDF-[2JGHJK\n", true},
	} {
		var b strings.Builder
		s := &screen{w: &b, columns: 80}
		if err := s.instruct(&c.signIn, c.opens); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := b.String(); !strings.Contains(got, c.want) || !strings.Contains(got, "\n"+longURL+"\n") || strings.Contains(got, "█") != c.qr {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

func TestNoAddress(t *testing.T) {
	for _, text := range []string{"", "javascript:alert(1)", "https://example.org/\x1b[2J", "https://example.org/ x", "https://example.org/\u202ex", "file:///etc/passwd"} {
		var b strings.Builder
		if err := (&screen{w: &b}).instruct(&dss.SignIn{URL: text}, true); err == nil || b.Len() > 0 {
			t.Errorf("%q is shown: %s", text, b.String())
		}
	}
}

func TestSpinner(t *testing.T) {
	var b strings.Builder
	(&screen{w: &b, columns: 80}).spin("Waiting")()
	if got := b.String(); !strings.HasPrefix(got, "\r⠋ Waiting") || !strings.HasSuffix(got, "\r           \r") {
		t.Errorf("on a terminal: %q", got)
	}
	for _, s := range []*screen{{}, {columns: 80, dumb: true}} {
		b.Reset()
		s.w = &b
		s.spin("Waiting")()
		if got := b.String(); got != "Waiting.\n" {
			t.Errorf("elsewhere: %q", got)
		}
	}
}
