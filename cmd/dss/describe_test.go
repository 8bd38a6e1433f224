package main

import (
	"flag"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	dss "github.com/desktop-stack-serv/dss"
)

func TestDescribe(t *testing.T) {
	info := &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"},
	}}
	got := describe(info)
	for _, want := range []string{"dss v1.2.3\n", "commit: abc, with changes\n", "commit time: 2026-01-02T03:04:05Z\n", "go: go1"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if got := describe(nil); !strings.HasPrefix(got, "dss (devel)\ngo: ") {
		t.Errorf("nothing known: %s", got)
	}
}

func TestEnvNamesAreTheSameEverywhere(t *testing.T) {
	texts := map[string]string{}
	for _, c := range commands() {
		for _, s := range c.settings() {
			if s.text == "" {
				t.Errorf("dss %s --%s is not explained", c.name, s.name)
			}
			texts[s.env] = s.text
		}
	}
	for _, v := range variables {
		if texts[v.name] != "" {
			t.Errorf("%s is a flag's twin and something else too", v.name)
		}
	}
}

// TestCompletionsKnowEverything looks for each command, flag and value.
func TestCompletionsKnowEverything(t *testing.T) {
	for shell, complete := range completions {
		script := complete(commands())
		for _, c := range commands() {
			for _, s := range c.settings() {
				for _, word := range append([]string{c.name, s.name}, s.options...) {
					if !strings.Contains(script, word) {
						t.Errorf("%s does not know %s", shell, word)
					}
				}
			}
		}
	}
}

func TestRoff(t *testing.T) {
	if got := roff(".so x\n'y\n--a\\b…"); got != "\\&.so x\n\\&'y\n\\-\\-a\\eb\\[u2026]" {
		t.Errorf("roff: %q", got)
	}
}

func TestWrap(t *testing.T) {
	if got := wrap("one two three averyverylongword four", "  ", 10); got != "  one two\n  three\n  averyverylongword\n  four\n" {
		t.Errorf("%q", got)
	}
}

func TestWhoamiOfEternity(t *testing.T) {
	var b strings.Builder
	if err := writeJSON(&b, identity(&dss.TokenInfo{AccountID: 1})); err != nil || b.String() != `{"account_id":1,"scope":""}`+"\n" {
		t.Errorf("%s: %v", b.String(), err)
	}
	if got := whenText(time.Time{}); got != "never" {
		t.Error(got)
	}
}

func TestEnvironmentSetsFlags(t *testing.T) {
	f := newFlags("x")
	var value string
	choiceVar(f, &value, "kind", "a|b", "which")
	if err := parseFlags(f, nil, func(name string) (string, bool) { return "b", name == "DSS_KIND" }); err != nil || value != "b" {
		t.Errorf("%q: %v", value, err)
	}
	if err := parseFlags(f, []string{"--help"}, nil); err != flag.ErrHelp {
		t.Error(err)
	}
}
