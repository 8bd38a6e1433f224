package main

import (
	"runtime/debug"
	"strconv"
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

// complete returns what can follow the words of a command line, each with its
// explanation, as dss offers it to shells.
func complete(t *testing.T, words ...string) (lines []string) {
	t.Helper()
	args := append([]string{"__complete", strconv.Itoa(len(words) + 1), "dss"}, words...)
	status, stdout, stderr := runWith(t, nil, args...)
	if status != 0 {
		t.Fatalf("dss %s: %s", args, stderr)
	}
	return strings.Split(strings.TrimSpace(stdout), "\n")
}

func commandNames(t *testing.T) (names []string) {
	for _, line := range complete(t) {
		name, _, _ := strings.Cut(line, "\t")
		names = append(names, name)
	}
	return names
}

func TestEverythingIsExplained(t *testing.T) {
	for _, name := range commandNames(t) {
		for _, line := range complete(t, name) {
			if one, text, _ := strings.Cut(line, "\t"); strings.HasPrefix(one, "--") && text == "" {
				t.Errorf("dss %s %s is not explained", name, one)
			}
		}
		if _, help, _ := runWith(t, nil, name, "--help"); strings.Contains(help, "[DSS_TOKEN]") {
			t.Errorf("dss %s: DSS_TOKEN is a flag's twin and something else too", name)
		}
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
